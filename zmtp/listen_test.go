package zmtp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestHandshakeTimeout: who is silent is cut off after the time that was set, and so is who sends a byte now and then.
func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ln, p := servePipes(t, PULL, Options{HandshakeTimeout: 4 * time.Second}, func(*Conn) { t.Error("it was let in") })
		began := time.Now()
		silent, slow := newFakePipe(t, p), newFakePipe(t, p)
		for range 3 {
			slow.send("ff")
			time.Sleep(time.Second)
		}
		silent.expectEnd()
		slow.expectEnd()
		if d := time.Since(began); d != 4*time.Second {
			t.Errorf("they were cut off after %v", d)
		}
		synctest.Wait()
		if st := ln.Stats(); st.Failures != 2 || !strings.Contains(st.LastError, "the handshake was not done in 4s") {
			t.Errorf("the statistics are %+v", st)
		}
	})
}

// newFakePipe is a fake peer of a listener for pipes.
func newFakePipe(t *testing.T, p *pipeListener) *fake {
	nc := p.dial()
	t.Cleanup(func() { nc.Close() })
	return &fake{t, nc}
}

// TestMaxHandshakes: the oldest handshake gives way to a new one, so that silent peers keep nobody out.
func TestMaxHandshakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := make(chan struct{})
		ln, p := servePipes(t, PULL, Options{MaxHandshakes: 3}, func(c *Conn) { close(in); c.Receive(nil) })
		began := time.Now()
		var silent []*fake
		for range 5 {
			silent = append(silent, newFakePipe(t, p))
			synctest.Wait()
		}
		good := newFakePipe(t, p)
		good.shake3("01", "PUSH")
		<-in
		for i := range 3 {
			silent[i].expectEnd()
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("they were cut off after %v", d)
		}
		synctest.Wait()
		if st := ln.Stats(); st.Refused != 3 || st.Peers != 1 || st.Connects != 1 {
			t.Errorf("the statistics are %+v", st)
		}
	})
}

// TestMaxPeers: more are turned away, and let in when there is room again.
func TestMaxPeers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := make(chan struct{})
		ln, p := servePipes(t, PULL, Options{MaxPeers: 2}, func(c *Conn) { in <- struct{}{}; c.Receive(nil) })
		shaking := newFakePipe(t, p)
		var peers []*fake
		for range 2 {
			f := newFakePipe(t, p)
			f.shake3("01", "PUSH")
			<-in
			peers = append(peers, f)
		}
		// One more comes, and one that was there already gets ready.
		newFakePipe(t, p).expectEnd()
		shaking.shake3("01", "PUSH")
		shaking.expectEnd()
		synctest.Wait()
		if st := ln.Stats(); st.Refused != 2 || st.Peers != 2 || !strings.Contains(st.LastError, "2 peers, which is the limit") {
			t.Errorf("the statistics are %+v", st)
		}
		peers[0].nc.Close()
		synctest.Wait()
		newFakePipe(t, p).shake3("01", "PUSH")
		<-in
	})
}

// TestServeAfterFaults: accepting goes on after what passes, such as too many open files.
func TestServeAfterFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &pipeListener{make(chan net.Conn), make(chan struct{})}
		faulty := &faultyListener{pipeListener: inner, faults: 20}
		in := make(chan struct{})
		ln := newListener(faulty, "pipe", func() {}, PULL, Options{}.filled())
		done := make(chan error, 1)
		go func() { done <- ln.Serve(func(*Conn) { close(in) }) }()
		newFakePipe(t, inner).shake3("01", "PUSH")
		<-in
		ln.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// faultyListener fails at first.
type faultyListener struct {
	*pipeListener
	faults int
}

func (l *faultyListener) Accept() (net.Conn, error) {
	if l.faults--; l.faults >= 0 {
		return nil, syscall.EMFILE
	}
	return l.pipeListener.Accept()
}

// TestBoundURI: port 0 becomes the one that was found, and that one can be connected to and bound again.
func TestBoundURI(t *testing.T) {
	t.Parallel()
	for uri, connect := range map[string]string{
		"tcp://*:0": "tcp://localhost:", "tcp://*:*": "tcp://[::1]:", "tcp://127.0.0.1:0": "tcp://127.0.0.1:", "tcp://[::1]:0": "tcp://[::1]:",
	} {
		in := make(chan struct{})
		ln := serve(t, uri, PULL, Options{}, func(*Conn) { close(in) })
		before := uri[:strings.LastIndex(uri, ":")+1]
		port, err := strconv.Atoi(strings.TrimPrefix(ln.URI(), before))
		if err != nil || port == 0 {
			t.Errorf("%s became %s", uri, ln.URI())
		}
		c, err := Dial(t.Context(), connect+strconv.Itoa(port), PUSH, Options{})
		if err != nil {
			t.Fatal(err)
		}
		<-in
		c.Close()
		if _, err := Listen(ln.URI(), PULL, Options{}); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("bound twice: %v", err)
		}
		ln.Close()
		again, err := Listen(ln.URI(), PULL, Options{})
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	}
}

// TestSocketFile: one that nobody listens on is replaced, a live one is not, nor what is no socket; Close removes its own.
func TestSocketFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	first, err := Listen("ipc://"+path, PULL, Options{})
	if err != nil {
		t.Fatal("a stale socket was not replaced:", err)
	}
	if _, err := Listen("ipc://"+path, PULL, Options{}); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a live socket: %v", err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the file is still there: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("ipc://"+path, PULL, Options{}); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file that is no socket: %v", err)
	}

	// What another one has put there in the meantime is not removed.
	os.Remove(path)
	second, err := Listen("ipc://"+path, PULL, Options{})
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	third, err := Listen("ipc://"+path, PULL, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	second.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Error("the file of another one was removed:", err)
	}
}

// TestPeerOfUnixSocket: the user at the other end is known on both sides, with a file or without one.
func TestPeerOfUnixSocket(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"ipc://" + filepath.Join(t.TempDir(), "s"), fmt.Sprintf("ipc://@zmtp-test-%d", os.Getpid())} {
		peers := make(chan Peer, 1)
		ln := serve(t, uri, ROUTER, Options{}, func(c *Conn) { peers <- c.Peer() })
		c, err := Dial(t.Context(), uri, DEALER, Options{Identity: []byte("me")})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		p := <-peers
		if p.UID != os.Getuid() || p.Address != "" || p.Endpoint != uri || string(p.Identity) != "me" || p.Type != DEALER || p.Major != 3 || p.Minor != 1 {
			t.Errorf("the peer is %+v", p)
		}
		if p := c.Peer(); p.UID != os.Getuid() || p.Type != ROUTER || p.Identity != nil {
			t.Errorf("the listener is %+v", p)
		}
		if ln.URI() != uri {
			t.Errorf("%s became %s", uri, ln.URI())
		}
	}
	ln := serve(t, "tcp://127.0.0.1:0", ROUTER, Options{}, func(c *Conn) {
		if p := c.Peer(); p.UID != -1 || !strings.HasPrefix(p.Address, "127.0.0.1:") {
			t.Errorf("over TCP the peer is %+v", p)
		}
		c.Receive(nil)
	})
	c, err := Dial(t.Context(), ln.URI(), DEALER, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestKeepAlive: TCP's own keepalive is on, on both sides, with the times of the old bus.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	check := func(nc net.Conn) {
		raw, err := nc.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Error(err)
			return
		}
		for name, o := range map[string]struct{ level, option, want int }{
			"on":       {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			"idle":     {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 60},
			"interval": {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 5},
			"count":    {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
		} {
			raw.Control(func(fd uintptr) {
				if got, err := syscall.GetsockoptInt(int(fd), o.level, o.option); err != nil || got != o.want {
					t.Errorf("%s: %d, %v; want %d", name, got, err, o.want)
				}
			})
		}
	}
	done := make(chan struct{})
	ln := serve(t, "tcp://127.0.0.1:0", PULL, Options{}, func(c *Conn) { check(c.nc); close(done) })
	c, err := Dial(t.Context(), ln.URI(), PUSH, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	check(c.nc)
	<-done
}

// TestListenerClose ends handshakes, peers and Serve, whatever they are at.
func TestListenerClose(t *testing.T) {
	t.Parallel()
	ln, err := Listen("tcp://127.0.0.1:0", PULL, Options{})
	if err != nil {
		t.Fatal(err)
	}
	in, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- ln.Serve(func(c *Conn) {
			close(in)
			if _, err := c.Receive(nil); !errors.Is(err, ErrClosed) {
				t.Errorf("the error is %v", err)
			}
		})
	}()
	silent := dialFake(t, ln)
	silent.expect(wireSignature)
	c, err := Dial(t.Context(), ln.URI(), PUSH, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-in
	ln.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := c.Receive(nil); !errors.Is(err, io.EOF) {
		t.Errorf("the peer's error is %v", err)
	}
	silent.expectEnd()
	if err := ln.Serve(func(*Conn) {}); err != nil {
		t.Error("Serve after Close:", err)
	}
}

// TestServeWaits for those that it called.
func TestServeWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pipeListener{make(chan net.Conn), make(chan struct{})}
		ln := newListener(p, "pipe", func() {}, PULL, Options{}.filled())
		done := make(chan error, 1)
		go func() {
			done <- ln.Serve(func(c *Conn) {
				c.Receive(nil)
				time.Sleep(time.Second)
			})
		}()
		newFakePipe(t, p).shake3("01", "PUSH")
		synctest.Wait()
		began := time.Now()
		ln.Close()
		if err := <-done; err != nil || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
