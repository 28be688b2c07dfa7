package zmtp

import (
	"bytes"
	"errors"
	"net"
	"testing"
)

// knowsAlice lets one user in.
func knowsAlice(_ Peer, username, password string) (string, error) {
	if username == "alice" && password == "secret" {
		return "Alice", nil
	}
	return "", errors.New("unknown")
}

// TestPlainBytes: client and server send what RFC 24 says.
func TestPlainBytes(t *testing.T) {
	t.Parallel()
	ready := []string{"05", "'READY", "0b", "'Socket-Type", "00000004", "'PUSH"}
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		ln := serve(t, "tcp://127.0.0.1:0", PULL, Options{Security: PlainServer{Authorise: knowsAlice}}, func(c *Conn) {
			if p := c.Peer(); p.User != "Alice" || p.Type != PUSH {
				t.Errorf("the peer is %+v", p)
			}
		})
		f := dialFake(t, ln)
		f.send(wireSignature, "03 01", wirePLAIN, wireClient)
		f.expect(wireSignature, "03 01", wirePLAIN, wireServer)
		f.send("04 13 05", "'HELLO", "05", "'alice", "06", "'secret")
		f.expect("04 08 07", "'WELCOME")
		f.send("04 1d 08", "'INITIATE", "0b", "'Socket-Type", "00000004", "'PUSH")
		f.expect("04 1a 05", "'READY", "0b", "'Socket-Type", "00000004", "'PULL")
	})
	t.Run("client", func(t *testing.T) {
		t.Parallel()
		nl, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer nl.Close()
		done := make(chan error, 1)
		go func() {
			c, err := Dial(t.Context(), "tcp://"+nl.Addr().String(), PULL, Options{Security: PlainClient{"alice", "secret"}})
			if err == nil {
				c.Close()
			}
			done <- err
		}()
		nc, err := nl.Accept()
		if err != nil {
			t.Fatal(err)
		}
		f := newFake(t, nc)
		f.send(wireSignature, "03 01", wirePLAIN, wireServer)
		f.expect(wireSignature, "03 01", wirePLAIN, wireClient)
		f.expect("04 13 05", "'HELLO", "05", "'alice", "06", "'secret")
		f.send("04 08 07", "'WELCOME")
		f.expect("04 1d 08", "'INITIATE", "0b", "'Socket-Type", "00000004", "'PULL")
		f.send("04 1a")
		f.send(ready...)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestPlainRefuses: who has no right name and password is told so, and so is who does not say HELLO as it should be.
func TestPlainRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server PlainServer
		client Security
		want   error
	}{
		"wrong password":  {PlainServer{Authorise: knowsAlice}, PlainClient{"alice", "guess"}, ErrRefused},
		"no authoriser":   {PlainServer{}, PlainClient{"alice", "secret"}, ErrRefused},
		"NULL":            {PlainServer{Authorise: knowsAlice}, nil, ErrProtocol},
		"another server":  {PlainServer{Authorise: knowsAlice}, PlainServer{}, ErrProtocol},
		"a name too long": {PlainServer{Authorise: knowsAlice}, PlainClient{Username: string(make([]byte, 256))}, ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln := serve(t, "tcp://127.0.0.1:0", PULL, Options{Security: c.server}, func(*Conn) { t.Error("it was let in") })
			_, err := Dial(t.Context(), ln.URI(), PUSH, Options{Security: c.client})
			if !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
		})
	}
	t.Run("2.0", func(t *testing.T) {
		t.Parallel()
		ln := serve(t, "tcp://127.0.0.1:0", PULL, Options{Security: PlainServer{Authorise: knowsAlice}}, func(*Conn) {
			t.Error("it was let in")
		})
		f := dialFake(t, ln)
		f.send(wireSignature, "01 08 00 00")
		f.expectEnd()
	})
	for name, hello := range map[string]string{"empty": "", "name cut": "05 61", "password cut": "01 61 02 61", "more": "00 00 00"} {
		t.Run("HELLO "+name, func(t *testing.T) {
			t.Parallel()
			ln := serve(t, "tcp://127.0.0.1:0", PULL, Options{Security: PlainServer{
				Authorise: func(Peer, string, string) (string, error) { return "", nil },
			}}, func(*Conn) { t.Error("it was let in") })
			f := dialFake(t, ln)
			f.send(wireSignature, "03 01", wirePLAIN, wireClient)
			body := wireBytes(t, hello)
			f.nc.Write(appendCommand(nil, "HELLO", body))
			if rest := f.expectEnd(); bytes.Contains(rest, []byte("WELCOME")) {
				t.Errorf("the answer was %q", rest)
			}
		})
	}
}

// TestPlainOfLibzmq lets a client of libzmq in, and not another one.
func TestPlainOfLibzmq(t *testing.T) {
	t.Parallel()
	s := newSocket(PULL, Options{Security: PlainServer{Authorise: knowsAlice}}, func(c *Conn) { c.Receive(nil) })
	defer s.Close()
	uri, err := s.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	startLibzmq(t, PUSH, "connect", uri, "PLAIN_USERNAME=alice", "PLAIN_PASSWORD=guess")
	awaitStats(t, s, func(e EndpointStats) bool { return e.Refused > 0 && e.Connects == 0 })
	startLibzmq(t, PUSH, "connect", uri, "PLAIN_USERNAME=alice", "PLAIN_PASSWORD=secret")
	awaitStats(t, s, func(e EndpointStats) bool { return e.Connects == 1 })
}
