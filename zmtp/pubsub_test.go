package zmtp

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// boundPub makes a Pub on a unix socket, and gives its URI.
func boundPub(t testing.TB, o Options) (*Pub, string) {
	t.Helper()
	p := NewPub(o)
	t.Cleanup(func() { p.Close() })
	return p, bindPipe(t, p.socket)
}

func bindPipe(t testing.TB, s *socket) string {
	t.Helper()
	uri, err := s.Bind("ipc://" + filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

// connectedSub makes a Sub that wants the prefixes.
func connectedSub(t testing.TB, uri string, o Options, prefixes ...string) *Sub {
	t.Helper()
	s := NewSub(o)
	t.Cleanup(func() { s.Close() })
	for _, p := range prefixes {
		if err := s.Subscribe(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Connect(uri); err != nil {
		t.Fatal(err)
	}
	return s
}

// receiveText gives the frames of the next message, with commas between.
func receiveText(t testing.TB, s *Sub) string {
	t.Helper()
	m, err := s.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return frameText(m)
}

func frameText(m Message) string {
	text := ""
	for i, f := range m {
		if i > 0 {
			text += ","
		}
		text += string(f)
	}
	return text
}

func sendText(t testing.TB, p *Pub, frames ...string) {
	t.Helper()
	m := make([][]byte, len(frames))
	for i, f := range frames {
		m[i] = []byte(f)
	}
	if err := p.Send(t.Context(), m...); err != nil {
		t.Fatal(err)
	}
}

// TestPubSub: each gets what it asked for, whole and in order.
func TestPubSub(t *testing.T) {
	t.Parallel()
	p, uri := boundPub(t, Options{})
	p.Blocking(true)
	all := connectedSub(t, uri, Options{}, "")
	some := connectedSub(t, uri, Options{}, "a.", "c")
	if err := p.WaitSubscribers(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	const n = 5000
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() {
		for i := range n {
			sendText(t, p, "a.b", "", fmt.Sprint(i))
			sendText(t, p, "b", fmt.Sprint(i))
			sendText(t, p, "c")
		}
	})
	others.Go(func() {
		for i := range n {
			if got, want := receiveText(t, some), fmt.Sprintf("a.b,,%d", i); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := receiveText(t, some); got != "c" {
				t.Errorf("got %s, want c", got)
			}
		}
	})
	for i := range n {
		for _, want := range []string{fmt.Sprintf("a.b,,%d", i), fmt.Sprintf("b,%d", i), "c"} {
			if got := receiveText(t, all); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
	}
}
