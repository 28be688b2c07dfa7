package zmtp

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// logged is a log that several goroutines write to; each line is told.
type logged struct {
	mu    sync.Mutex
	lines bytes.Buffer // guarded by mu
	told  chan string
}

// Write takes one line.
func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told <- string(b)
	return l.lines.Write(b)
}

// newLogged makes a logger of everything.
func newLogged() (*slog.Logger, *logged) {
	l := &logged{told: make(chan string, 100)}
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})), l
}

// TestProbe: who looks only whether somebody listens is no failure, and is told of to those who debug alone. Who says what is no
// ZMTP is turned away, and each thing about it is told once.
func TestProbe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	for _, c := range []struct{ uri, network, peer string }{
		{"ipc://" + file, "unix", "uid "}, {"tcp://127.0.0.1:0", "tcp", "=127.0.0.1:"},
	} {
		logger, log := newLogged()
		ln := serve(t, c.uri, PULL, Options{Logger: logger}, func(*Conn) { t.Error("it was let in") })
		address := strings.TrimPrefix(strings.TrimPrefix(ln.URI(), "ipc://"), "tcp://")
		come := func(say string) string {
			nc, err := net.Dial(c.network, address)
			if err != nil {
				t.Fatal(err)
			}
			if say != "" {
				nc.Write([]byte(say))
				io.Copy(io.Discard, nc) // until it is turned away
			}
			nc.Close()
			return <-log.told
		}
		if line := come(""); !strings.Contains(line, "level=DEBUG") || !strings.Contains(line, "before it said anything") {
			t.Errorf("%s: of a probe it was told: %s", c.uri, line)
		}
		if s := ln.Stats(); s.Failures != 0 || s.LastError != "" {
			t.Errorf("%s: a probe counts as %+v", c.uri, s)
		}
		line := come("GET / HTTP/1.0\r\n\r\n")
		if !strings.Contains(line, "level=INFO") || strings.Count(line, c.peer) != 1 || strings.Count(line, ln.URI()) != 1 {
			t.Errorf("%s: of a stranger it was told: %s", c.uri, line)
		}
		if s := ln.Stats(); s.Failures != 1 {
			t.Errorf("%s: a stranger counts as %+v", c.uri, s)
		}
	}
}

// TestCurveCures: a client that has a wrong key, or is nobody's, is told what to look at.
func TestCurveCures(t *testing.T) {
	t.Parallel()
	keys := NewCurvePair()
	refuse := func(Peer, CurveKey) (string, error) { return "", io.ErrUnexpectedEOF }
	ln := serve(t, "tcp://127.0.0.1:0", PUB, Options{Security: CurveServer{Keys: keys, Authorise: refuse}}, func(*Conn) { t.Error("it was let in") })
	for _, c := range []struct {
		server CurveKey
		want   string
	}{
		{NewCurvePair().Public, "may have another key than is configured"},
		{keys.Public, "it does not know this side's key"},
	} {
		_, err := Dial(t.Context(), ln.URI(), SUB, Options{Security: CurveClient{Keys: NewCurvePair(), ServerKey: c.server}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the client is told %v, want %q in it", err, c.want)
		}
	}
}
