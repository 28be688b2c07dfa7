package zmtp

import (
	"path/filepath"
	"testing"
)

// TestSocketConnectsBeforeThePeerIsThere connects to nothing, then to libzmq, then to libzmq that was restarted.
func TestSocketConnectsBeforeThePeerIsThere(t *testing.T) {
	t.Parallel()
	uri := "ipc://" + filepath.Join(t.TempDir(), "s")
	got := make(chan string, 1)
	s := newSocket(SUB, Options{}, func(c *Conn) {
		if err := c.Subscribe(nil, false); err != nil {
			return
		}
		for {
			in, err := c.Receive(nil)
			if err != nil {
				return
			}
			got <- string(in[0].Message[0])
		}
	})
	defer s.Close()
	if err := s.Connect(uri); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"first", "second"} {
		pub := startLibzmq(t, XPUB, "bind", uri)
		pub.receive()
		pub.send(word)
		if text := <-got; text != word {
			t.Errorf("received %q, want %q", text, word)
		}
		pub.Do("quit")
		pub.Expect("over")
	}
	st := s.Stats()
	if len(st.Endpoints) != 1 || st.Endpoints[0].Connects != 2 {
		t.Errorf("the statistics are %+v", st)
	}
	if err := s.Disconnect(uri); err != nil {
		t.Error(err)
	}
}
