package zmtp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// victim is a bound socket that is attacked, and peers that go on using it.
type victim struct {
	t       *testing.T
	ours    *ourSocket
	kind    SocketType
	good    SocketType // what its peers are
	uri     string
	client  Security
	old     *ourSocket // a peer that was there before
	message int
}

// newVictim binds a socket. The peers that attack and those that do not are of the type good.
func newVictim(t *testing.T, kind, good SocketType, client, server Security) *victim {
	t.Helper()
	ours, err := openOurs(kind, Options{Security: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.close() })
	v := &victim{t: t, ours: ours, kind: kind, good: good, client: client}
	if v.uri, err = ours.bind("tcp://127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	v.old = v.connect()
	v.alive("before")
	return v
}

// connect makes one more good peer.
func (v *victim) connect() *ourSocket {
	v.t.Helper()
	s, err := openOurs(v.good, Options{Security: v.client, ReconnectMin: time.Millisecond, ReconnectMax: 5 * time.Millisecond})
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { s.close() })
	if s.sub != nil {
		if err := s.subscribe(false, "good"); err != nil {
			v.t.Fatal(err)
		}
	}
	if err := s.connect(v.uri); err != nil {
		v.t.Fatal(err)
	}
	return s
}

// alive looks whether messages still pass, with a peer that is new and with one that was there before.
func (v *victim) alive(behind string) {
	v.t.Helper()
	young := v.connect()
	for _, peer := range []*ourSocket{v.old, young} {
		v.message++
		if err := v.pass(peer, "good"+fmt.Sprint(v.message)); err != nil {
			v.t.Fatalf("behind %s: %v; %s", behind, err, v.ours.state())
		}
	}
	if err := young.close(); err != nil {
		v.t.Error(err)
	}
}

// pass sends one message the way that the types go.
func (v *victim) pass(peer *ourSocket, text string) error {
	switch v.kind {
	case PULL:
		if err := peer.send(text); err != nil {
			return err
		}
		for { // what an attacker sent in good form comes too
			m, err := v.ours.receive(patientWait)
			if err != nil || m == nil {
				return fmt.Errorf("%s came: %w", shorten(m), err)
			}
			if len(m) == 1 && m[0] == text {
				return nil
			}
		}
	case REP:
		if err := peer.send(text); err != nil {
			return err
		}
		for {
			m, err := v.ours.receive(patientWait)
			if err != nil || m == nil {
				return fmt.Errorf("%s came: %w", shorten(m), err)
			}
			if len(m) == 1 && m[0] == text {
				break
			}
		}
		if err := v.ours.send("re", text); err != nil {
			return err
		}
		return expect(peer, "re", text)
	default: // PUB and XPUB
		for deadline := time.Now().Add(patientWait); time.Now().Before(deadline); {
			if err := v.ours.send(text); err != nil {
				return err
			}
			m := []string{""}
			for m != nil && m[0] != text { // what other good peers were there for comes too
				var err error
				if m, err = peer.receive(20 * time.Millisecond); err != nil {
					return err
				}
			}
			if m != nil {
				return nil
			}
		}
		return fmt.Errorf("nothing comes to a subscriber")
	}
}

// attack connects.
func (v *victim) attack() net.Conn {
	v.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(v.uri, "tcp://"))
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { nc.Close() })
	return nc
}

// expectCut waits until the victim has ended the connection.
func (v *victim) expectCut(nc net.Conn, behind string) {
	v.t.Helper()
	nc.SetReadDeadline(time.Now().Add(patientWait))
	if _, err := io.Copy(io.Discard, nc); err != nil && isTimeout(err) {
		v.t.Errorf("behind %s the connection goes on", behind)
	}
	nc.Close()
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// everyVictim runs a test with each type of socket that listens to what peers say.
func everyVictim(t *testing.T, test func(t *testing.T, v *victim)) {
	for _, kinds := range [][2]SocketType{{PULL, PUSH}, {PUB, SUB}, {XPUB, SUB}, {REP, REQ}} {
		t.Run(kinds[0].String(), func(t *testing.T) {
			t.Parallel()
			test(t, newVictim(t, kinds[0], kinds[1], nil, nil))
		})
	}
}

// heap is the memory that is in use, with the stacks of goroutines.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestHostileSilence has a thousand clients connect and say nothing; it is not parallel, since it measures memory. There are
// fewer handshakes allowed than clients, so that old ones have to give way.
func TestHostileSilence(t *testing.T) {
	for _, begins := range []string{"", "\xff\x00", signature + "\x03"} {
		t.Run(hex.EncodeToString([]byte(begins)), func(t *testing.T) {
			clients := fedmsgtest.Count(1000, 4000)
			v := newVictim(t, PULL, PUSH, nil, nil)
			before := heap()
			for range clients {
				nc := v.attack()
				if _, err := io.WriteString(nc, begins); err != nil {
					t.Fatal(err)
				}
			}
			v.alive("silence")
			if each := (heap() - before) / int64(clients); each > 32<<10 {
				t.Errorf("a silent client costs %d bytes", each)
			}
		})
	}
}

// TestHostileManyHandshakes begins more handshakes than may be under way: the oldest give way.
func TestHostileManyHandshakes(t *testing.T) {
	t.Parallel()
	ours, err := openOurs(PULL, Options{MaxHandshakes: 50, HandshakeTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer ours.close()
	v := &victim{t: t, ours: ours, kind: PULL, good: PUSH}
	if v.uri, err = ours.bind("tcp://127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	v.old = v.connect()
	v.alive("before")
	first := v.attack()
	for range 200 {
		v.attack()
	}
	v.expectCut(first, "50 others")
	v.alive("200 handshakes")
}

// TestHostileGreetings says what other protocols say, and nonsense.
func TestHostileGreetings(t *testing.T) {
	t.Parallel()
	good := wireBytes(t, wireSignature, "03 01", wireNULL, wireClient)
	changed := func(at int, to byte) string {
		b := bytes.Clone(good)
		b[at] = to
		return string(b)
	}
	greetings := map[string]string{
		"HTTP":            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"TLS":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("r", 500),
		"SSH":             "SSH-2.0-OpenSSH_9.2p1\r\n",
		"zeros":           strings.Repeat("\x00", 300),
		"ones":            strings.Repeat("\xff", 300),
		"ZMTP 1.0":        "\x01\x00",
		"ZMTP 1.0, named": "\x05\x00abcd\x02\x00x",
		"megabytes":       strings.Repeat("megabyte", 1<<18),
		"no mechanism":    changed(12, 0),
		"other mechanism": changed(12, 'X'),
		"lower case":      changed(12, 'n'),
	}
	everyVictim(t, func(t *testing.T, v *victim) {
		for name, greeting := range greetings {
			nc := v.attack()
			_, _ = io.WriteString(nc, greeting) // it may be cut off within
			v.expectCut(nc, name)
		}
		v.alive("garbage")
	})
}

// goodStream is what a peer says from its first byte.
func goodStream(t *testing.T, kind SocketType, frames ...string) []byte {
	t.Helper()
	b := wireBytes(t, wireSignature, "03 01", wireNULL, wireClient)
	b = appendCommand(b, "READY", metadata(kind, nil))
	for _, frame := range frames {
		b = append(b, frame...)
	}
	return b
}

// TestHostileHalves stops at each byte of a handshake and of what comes behind it: half of them close, the others are silent.
func TestHostileHalves(t *testing.T) {
	t.Parallel()
	everyVictim(t, func(t *testing.T, v *victim) {
		whole := goodStream(t, v.good, string(AppendMessage(nil, []byte("\x01some topic"), make([]byte, 300))))
		for end := range whole {
			nc := v.attack()
			_, _ = nc.Write(whole[:end])
			if end%2 == 0 {
				nc.Close()
			}
		}
		v.alive("halves")
	})
}

// TestHostileFrames breaks each limit, and the rules of frames and commands, behind a good handshake and within it.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	command := func(name, body string) string { return string(appendCommand(nil, name, []byte(body))) }
	property := func(name, value string) string { return string(appendProperty(nil, name, []byte(value))) }
	greeting := string(wireBytes(t, wireSignature, "03 01", wireNULL, wireClient))
	streams := func(kind SocketType) map[string]string {
		socketType := property("Socket-Type", kind.String())
		open := greeting + command("READY", socketType)
		return map[string]string{
			"2^63 bytes":               open + "\x02\x80\x00\x00\x00\x00\x00\x00\x00",
			"2^64-1 bytes":             open + "\x02\xff\xff\xff\xff\xff\xff\xff\xff",
			"8 MiB and 1":              open + "\x02\x00\x00\x00\x00\x00\x80\x00\x01",
			"8 MiB in parts":           open + strings.Repeat("\x03\x00\x00\x00\x00\x00\x40\x00\x00"+strings.Repeat("m", 4<<20), 3),
			"1025 frames":              open + strings.Repeat("\x01\x00", 1025),
			"a command of 2^40":        open + "\x06\x00\x00\x01\x00\x00\x00\x00\x00",
			"reserved flags":           open + "\x80\x00",
			"a command of no name":     open + "\x04\x00",
			"a command of more":        open + "\x05\x02\x01x",
			"a PING of nothing":        open + command("PING", ""),
			"a long PING":              open + command("PING", strings.Repeat("p", 1000)),
			"a big READY":              greeting + command("READY", socketType+property("X", strings.Repeat("x", 5000))),
			"a READY of 2^40":          greeting + "\x06\x00\x00\x01\x00\x00\x00\x00\x00",
			"a message before READY":   greeting + "\x00" + command("READY", socketType)[1:],
			"another command":          greeting + command("HELLO", socketType),
			"an ERROR":                 greeting + command("ERROR", "\x03bad"),
			"a half ERROR":             greeting + command("ERROR", "\xffbad"),
			"no properties":            greeting + command("READY", ""),
			"a property of 2^32-1":     greeting + command("READY", socketType+"\x01X\xff\xff\xff\xff"),
			"a property of no name":    greeting + command("READY", socketType+"\x00\x00\x00\x00\x00"),
			"a half property":          greeting + command("READY", socketType+"\x05X"),
			"another socket type":      greeting + command("READY", property("Socket-Type", "STREAM")),
			"a socket of no use here":  greeting + command("READY", property("Socket-Type", "PAIR")),
			"an identity of 256 bytes": greeting + command("READY", socketType+property("Identity", strings.Repeat("i", 256))),
		}
	}
	everyVictim(t, func(t *testing.T, v *victim) {
		for name, stream := range streams(v.good) {
			nc := v.attack()
			_, _ = io.WriteString(nc, stream) // it may be cut off within
			v.expectCut(nc, name)
		}
		v.alive("bad frames")
	})
}

// TestHostileSubscriptions subscribes to too much: too many prefixes, and too long ones.
func TestHostileSubscriptions(t *testing.T) {
	t.Parallel()
	var many, long bytes.Buffer
	for i := range 65537 {
		many.Write(appendCommand(nil, "SUBSCRIBE", fmt.Append(nil, i)))
	}
	for i := range 5 {
		long.Write(appendCommand(nil, "SUBSCRIBE", append(make([]byte, 1<<20), byte(i))))
	}
	for _, kind := range []SocketType{PUB, XPUB} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, kind, SUB, nil, nil)
			for name, stream := range map[string]string{"65537 prefixes": many.String(), "5 MiB of prefixes": long.String()} {
				nc := v.attack()
				_, _ = nc.Write(goodStream(t, SUB, stream)) // it may be cut off within
				v.expectCut(nc, name)
			}
			v.alive("too many subscriptions")
		})
	}
}

// TestHostileReader asks for answers to heartbeats and messages without ever reading. It is not parallel, since it measures
// memory.
func TestHostileReader(t *testing.T) {
	v := newVictim(t, PUB, SUB, nil, nil)
	ping := string(appendCommand(nil, "PING", []byte("\x00\x00sixteen bytes...")))
	before := heap()
	for range 10 {
		nc := v.attack()
		if _, err := nc.Write(goodStream(t, SUB, string(appendCommand(nil, "SUBSCRIBE", nil)))); err != nil {
			t.Fatal(err)
		}
		nc.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)) // it may be held back, or cut off
		for range 2000 {
			if _, err := io.WriteString(nc, strings.Repeat(ping, 500)); err != nil {
				break
			}
		}
	}
	for m := []string{""}; m != nil; { // what the other good peer was there for
		m, _ = v.old.receive(time.Millisecond)
	}
	big := strings.Repeat("b", 100<<10)
	for n := range 800 {
		if err := v.ours.send("good", fmt.Sprint(n), big); err != nil {
			t.Fatal(err)
		}
		if err := expect(v.old, "good", fmt.Sprint(n), big); err != nil {
			t.Fatalf("a good subscriber misses message %d: %v", n, err)
		}
	}
	if more := heap() - before; more > 48<<20 {
		t.Errorf("they cost %d bytes", more)
	} else {
		t.Logf("they cost %d bytes", more)
	}
	v.alive("peers that do not read")
}

// TestHostileLeavers has peers come, send much and leave, again and again, while nobody receives. It is not parallel, since it
// measures memory.
func TestHostileLeavers(t *testing.T) {
	const leavers, peers = 100, 10
	for _, kinds := range [][2]SocketType{{PULL, PUSH}, {SUB, PUB}, {DEALER, DEALER}, {ROUTER, DEALER}, {XPUB, XSUB}, {REP, REQ}} {
		t.Run(kinds[0].String(), func(t *testing.T) {
			ours, err := openOurs(kinds[0], Options{MaxPeers: peers})
			if err != nil {
				t.Fatal(err)
			}
			defer ours.close()
			if ours.sub != nil {
				if err := ours.subscribe(false, ""); err != nil {
					t.Fatal(err)
				}
			}
			v := &victim{t: t, ours: ours, kind: kinds[0], good: kinds[1]}
			if v.uri, err = ours.bind("tcp://127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			before := heap()
			stream := goodStream(t, v.good, string(AppendMessage(nil, nil, make([]byte, 1<<20))))
			for range leavers {
				nc := v.attack()
				_, _ = nc.Write(stream) // it may be turned away within
				nc.(*net.TCPConn).CloseWrite()
				v.expectCut(nc, "a good message") // it has been dealt with
			}
			if more := heap() - before; more > 3*peers<<20 {
				t.Errorf("they left %d bytes behind", more)
			}
			awaitStats(t, ours.socket, func(st EndpointStats) bool { return st.Peers == 0 })
			if kinds[0] == REP {
				return // what the dead asked is forgotten
			}
			for n := range peers {
				if m, err := ours.receive(patientWait); m == nil || err != nil {
					t.Fatalf("%d messages of %d came: %v", n, peers, err)
				}
			}
			conn, err := Dial(t.Context(), v.uri, v.good, Options{})
			for deadline := time.Now().Add(patientWait); err != nil && time.Now().Before(deadline); {
				conn, err = Dial(t.Context(), v.uri, v.good, Options{}) // the places become free behind the last message
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.Write(AppendMessage(nil, []byte("good"))); err != nil {
				t.Fatal(err)
			}
			if m, err := ours.receive(patientWait); m == nil || m[len(m)-1] != "good" {
				t.Errorf("%s came instead of the next good message: %v", shorten(m), err)
			}
		})
	}
}

// TestHostileStreams says what is nearly right to sockets that others use.
func TestHostileStreams(t *testing.T) {
	t.Parallel()
	everyVictim(t, func(t *testing.T, v *victim) {
		random := rand.New(rand.NewPCG(seed(t), 0))
		good := goodStream(t, v.good, string(AppendMessage(nil, []byte("\x01topic"), []byte("body"), nil)),
			string(appendCommand(nil, "SUBSCRIBE", []byte("topic"))), string(appendCommand(nil, "PING", []byte("\x00\x00"))))
		const round = 250
		for range fedmsgtest.Count(4, 100) {
			for range round {
				stream := changeBytes(random, bytes.Clone(good))
				nc := v.attack()
				_, _ = nc.Write(stream) // it may be cut off within
				nc.Close()
			}
			v.alive("streams that are nearly right")
		}
	})
}
