package zmtp

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
)

// TestGreetingBytes: the signature comes before the peer has sent anything, and the rest is what RFC 37 says.
func TestGreetingBytes(t *testing.T) {
	t.Parallel()
	ln := serve(t, "tcp://127.0.0.1:0", ROUTER, Options{Identity: []byte("me")}, func(c *Conn) { c.Receive(nil) })
	f := dialFake(t, ln)
	f.expect(wireSignature)
	f.send(wireSignature)
	f.expect("03")
	f.send("03 01", wireNULL, wireClient)
	f.expect("01", wireNULL, wireClient)
	f.expect("04 2b 05", "'READY", "0b", "'Socket-Type", "00000006", "'ROUTER", "08", "'Identity", "00000002", "'me")
}

// TestVersions speaks with peers of each version, which send and await exact bytes.
func TestVersions(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("z", 256)
	for name, c := range map[string]struct {
		major, minor      int
		handshake         func(f *fake)
		subscribe, cancel []string
	}{
		"3.1": {3, 1, func(f *fake) {
			f.shake3("01", "SUB")
			f.expect("04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'PUB")
		}, []string{"04 0c 09", "'SUBSCRIBE", "'ab"}, []string{"04 09 06", "'CANCEL", "'ab"}},
		"3.0": {3, 0, func(f *fake) {
			f.shake3("00", "SUB")
			f.expect("04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'PUB")
		}, []string{"00 03 01", "'ab"}, []string{"00 03 00", "'ab"}},
		"2.0": {2, 0, func(f *fake) {
			f.expect(wireSignature)
			f.send(wireSignature, "01 02", "00 02", "'id")
			f.expect("03", "01", "00 00")
		}, []string{"00 03 01", "'ab"}, []string{"00 03 00", "'ab"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			ln := serve(t, "tcp://127.0.0.1:0", PUB, Options{}, func(conn *Conn) {
				defer close(done)
				p := conn.Peer()
				if p.Type != SUB || p.Major != c.major || p.Minor != c.minor || (string(p.Identity) == "id") != (c.major == 2) {
					t.Errorf("the peer is %+v", p)
				}
				if in := one(t, conn); !in.Subscribe || in.Cancel || string(in.Message[0]) != "ab" {
					t.Errorf("received %+v, want a subscription", in)
				}
				if in := one(t, conn); in.Subscribe || !in.Cancel || string(in.Message[0]) != "ab" {
					t.Errorf("received %+v, want the end of a subscription", in)
				}
				if err := conn.Write(AppendMessage(nil, []byte("ab"), []byte(long))); err != nil {
					t.Error(err)
				}
			})
			f := dialFake(t, ln)
			c.handshake(f)
			f.send(c.subscribe...)
			f.send(c.cancel...)
			f.expect("01 02", "'ab", "02 0000000000000100", "'"+long)
			if !t.Failed() {
				<-done
			}
		})
	}
}

// TestSubscribeForms: each version is told of subscriptions in its own form.
func TestSubscribeForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		greet func(f *fake)
		want  []string
	}{
		"3.1": {func(f *fake) {
			f.shake3("01", "XPUB")
			f.expect("04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'SUB")
		}, []string{"04 0c 09", "'SUBSCRIBE", "'ab", "04 09 06", "'CANCEL", "'ab"}},
		"3.0": {func(f *fake) {
			f.shake3("00", "PUB")
			f.expect("04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'SUB")
		}, []string{"00 03 01", "'ab", "00 03 00", "'ab"}},
		"2.0": {func(f *fake) {
			f.send(wireSignature, "01 01 00 00")
			f.expect(wireSignature, "03 02 00 00")
		}, []string{"00 03 01", "'ab", "00 03 00", "'ab"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nl, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer nl.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := Dial(t.Context(), "tcp://"+nl.Addr().String(), SUB, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				if err := errors.Join(conn.Subscribe([]byte("ab"), false), conn.Subscribe([]byte("ab"), true)); err != nil {
					t.Error(err)
				}
			}()
			nc, err := nl.Accept()
			if err != nil {
				t.Fatal(err)
			}
			f := newFake(t, nc)
			c.greet(f)
			f.expect(c.want...)
			if !t.Failed() {
				<-done
			}
		})
	}
}

// TestGreetingsThatAreRefused: each is refused for its own reason, and the next peer is let in.
func TestGreetingsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		send []string
		want string
	}{
		"ZMTP 1.0, anonymous":      {[]string{"01 00"}, "ZMTP 1.0 (libzmq 2.x)"},
		"ZMTP 1.0, with a name":    {[]string{"03 00 6162"}, "ZMTP 1.0 (libzmq 2.x)"},
		"ZMTP 1.0, with revision":  {[]string{wireSignature, "00"}, "ZMTP 1.0 (libzmq 2.x)"},
		"ZMTP 1.0, with long name": {[]string{"ff 0000000000000101 00"}, "ZMTP 1.0 (libzmq 2.x)"},
		"HTTP":                     {[]string{"'GET / HTTP/1.1\r\n"}, "does not speak ZMTP: it begins with 47455420"},
		"another mechanism":        {[]string{wireSignature, "03 01", wirePLAIN, wireClient}, `the peer's mechanism is "PLAIN", and this side's NULL`},
		"a message at once":        {[]string{wireSignature, "03 01", wireNULL, wireClient, "00 01 61"}, "where only commands may"},
		"a long command":           {[]string{wireSignature, "03 01", wireNULL, wireClient, "06 0000000000001001"}, "4096 are the limit"},
		"a huge command":           {[]string{wireSignature, "03 01", wireNULL, wireClient, "06 8000000000000000"}, "4096 are the limit"},
		"a command without name":   {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 01 05"}, "has no name"},
		"an empty command":         {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 00"}, "has no name"},
		"another command":          {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 06 05", "'HELLO"}, `"HELLO" came where READY was awaited`},
		"an error":                 {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 0a 05", "'ERROR", "03", "'400"}, `refused: the peer says "400"`},
		"no type":                  {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 06 05", "'READY"}, "does not tell its socket type"},
		"metadata cut":             {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 08 05", "'READY", "01 41"}, "the metadata ends within a name"},
		"metadata cut in value":    {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 0c 05", "'READY", "01 41 80000000"}, `within the value of "A"`},
		"a type that is none":      {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'BUS"}, `socket type is "BUS"`},
		"a type that does not fit": {[]string{wireSignature, "03 01", wireNULL, wireClient, "04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'REQ"}, "the peer is a REQ, which does not go with this PUB"},
		"2.0, does not fit":        {[]string{wireSignature, "01 03 00 00"}, "the peer is a REQ, which does not go with this PUB"},
		"2.0, no type":             {[]string{wireSignature, "01 0b 00 00"}, "the socket type 11"},
		"2.0, identity in parts":   {[]string{wireSignature, "01 02 01 00"}, "flags 0x01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSocket(PUB, Options{}, func(c *Conn) { c.Receive(nil) })
			defer s.Close()
			if _, err := s.Bind("tcp://127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			e := s.Stats().Endpoints[0]
			ln := s.endpoints[e.URI].listener
			f := dialFake(t, ln)
			f.send(c.send...)
			f.expectEnd()
			awaitStats(t, s, func(e EndpointStats) bool { return e.Failures+e.Refused == 1 })
			if e := s.Stats().Endpoints[0]; !strings.Contains(e.LastError, c.want) {
				t.Errorf("the error is %q, want %q in it", e.LastError, c.want)
			}
			conn, err := Dial(t.Context(), e.URI, SUB, Options{})
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		})
	}
}

// TestWhichTypesGoTogether holds the table against the one of RFCs 28 to 31, and that both sides agree.
func TestWhichTypesGoTogether(t *testing.T) {
	want := map[SocketType][]SocketType{
		PUB: {SUB, XSUB}, XPUB: {SUB, XSUB}, SUB: {PUB, XPUB}, XSUB: {PUB, XPUB}, PUSH: {PULL}, PULL: {PUSH},
		REQ: {REP, ROUTER}, REP: {REQ, DEALER}, DEALER: {REP, DEALER, ROUTER}, ROUTER: {REQ, DEALER, ROUTER},
	}
	for a := SocketType(0); a <= XSUB+1; a++ {
		for b := SocketType(0); b <= XSUB+1; b++ {
			if got := a.talksTo(b); got != slices.Contains(want[a], b) || got != b.talksTo(a) {
				t.Errorf("%v talks to %v: %v, and the other way round: %v", a, b, got, b.talksTo(a))
			}
		}
	}
}
