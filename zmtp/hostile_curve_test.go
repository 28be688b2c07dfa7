package zmtp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestHostileCurve attacks sockets that ask for CURVE: with half handshakes, wrong keys, and what others said.
func TestHostileCurve(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	v := newVictim(t, PULL, PUSH, client, server)
	recorded := v.record(client)
	for end := 0; end < len(recorded); end += 7 {
		nc := v.attack()
		_, _ = nc.Write(recorded[:end]) // it may be cut off within
		if end%2 == 0 {
			nc.Close()
		}
	}
	v.alive("half handshakes")
	nc := v.attack()
	_, _ = nc.Write(recorded) // it is cut off within
	v.expectCut(nc, "what another client said")
	nc = v.attack()
	_, _ = nc.Write(goodStream(t, PUSH, string(AppendMessage(nil, []byte("in the clear")))))
	v.expectCut(nc, "a peer without CURVE")

	stranger, wrong := client, client
	stranger.Keys = NewCurvePair()
	wrong.ServerKey = NewCurvePair().Public
	for _, c := range []CurveClient{stranger, wrong} {
		if conn, err := Dial(t.Context(), v.uri, PUSH, Options{Security: c}); err == nil {
			conn.Close()
			t.Error("it was let in")
		}
	}
	st := v.ours.socket.Stats().Endpoints[0]
	if st.Refused != 1 {
		t.Errorf("%d are told as refused instead of the stranger: %+v", st.Refused, st)
	}
	v.alive("wrong keys")
}

// record gives what a good peer says to the victim, from its first byte to the end of a message.
func (v *victim) record(security Security) []byte {
	v.t.Helper()
	var said recordingConn
	conn, err := Dial(v.t.Context(), v.uri, v.good, Options{Security: security, Dial: said.dial})
	if err != nil {
		v.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Write(AppendMessage(nil, []byte("recorded"))); err != nil {
		v.t.Fatal(err)
	}
	return said.written.Bytes()
}

// recordingConn keeps what is written.
type recordingConn struct {
	net.Conn
	written bytes.Buffer
}

func (c *recordingConn) dial(ctx context.Context, network, address string) (_ net.Conn, err error) {
	c.Conn, err = new(net.Dialer).DialContext(ctx, network, address)
	return c, err
}

func (c *recordingConn) Write(b []byte) (int, error) {
	c.written.Write(b)
	return c.Conn.Write(b)
}

// TestHostileBetween lets somebody between a client and a server change the frames of a stream in all the ways there are
// without the keys. The messages that come are a part of what was sent, in order and whole; the connection is cut off, and made
// again.
func TestHostileBetween(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m *middle, frame []byte) [][]byte{
		"untouched": func(m *middle, frame []byte) [][]byte {
			m.done()
			return [][]byte{frame}
		},
		"twice":    func(_ *middle, frame []byte) [][]byte { return [][]byte{frame, frame} },
		"left out": func(*middle, []byte) [][]byte { return nil },
		"swapped": func(m *middle, frame []byte) [][]byte {
			next, err := m.frame()
			if err != nil {
				return nil
			}
			return [][]byte{next, frame}
		},
		"a bit flipped": func(_ *middle, frame []byte) [][]byte {
			frame[len(frame)-1] ^= 1
			return [][]byte{frame}
		},
		"cut": func(_ *middle, frame []byte) [][]byte {
			frame[1]-- // the frames are short
			return [][]byte{frame[:len(frame)-1]}
		},
		"in the clear": func(_ *middle, frame []byte) [][]byte {
			return [][]byte{AppendMessage(nil, []byte("forged"), []byte("message")), frame}
		},
		"of before": func(m *middle, frame []byte) [][]byte { return [][]byte{m.first, frame} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := curveSides()
			pull, push := NewPull(Options{Security: server}), NewPush(Options{Security: client, ReconnectMin: time.Millisecond})
			uri, err := pull.Bind("tcp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			m := startMiddle(t, uri, change)
			defer func() {
				if err := errors.Join(push.Close(), pull.Close()); err != nil {
					t.Error(err)
				}
				m.close() // which waits for the connections
			}()
			if err := push.Connect(m.uri); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patientWait)
			defer cancel()
			sending, enough := context.WithCancel(ctx)
			sent := make(chan error, 1)
			go func() { sent <- sendNumbers(sending, push) }()
			for last, since := 0, 0; since < 3; {
				got, err := pull.Receive(ctx)
				if err != nil {
					t.Fatal(err)
				}
				number, _ := strconv.Atoi(string(got[0]))
				if len(got) != 2 || !bytes.Equal(got[0], got[1]) || number <= last {
					t.Fatalf("%q came behind message %d", got, last)
				}
				last = number
				select {
				case <-m.changed:
					since++
				default:
				}
			}
			enough()
			if err := <-sent; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			connects := pull.Stats().Endpoints[0].Connects
			if (connects == 1) != (name == "untouched") {
				t.Errorf("%d connections were made", connects)
			}
		})
	}
}

// sendNumbers sends messages of two equal frames, whose numbers grow, until ctx ends.
func sendNumbers(ctx context.Context, push *Push) error {
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for n := 1; ; n++ {
		number := strconv.AppendInt(nil, int64(n), 10)
		if err := push.Send(ctx, number, number); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pace.C:
		}
	}
}

// middle is somebody between a client and a server, who changes one frame of the client's first connection.
type middle struct {
	uri     string
	ln      net.Listener
	to      string
	change  func(m *middle, frame []byte) [][]byte
	changed chan struct{} // closed when it was done and the connection has ended
	hands   sync.WaitGroup

	once sync.Once

	in    *bufio.Reader // from the client
	first []byte        // the first frame behind the handshake
}

func startMiddle(t *testing.T, uri string, change func(*middle, []byte) [][]byte) *middle {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &middle{
		uri: "tcp://" + ln.Addr().String(), ln: ln, to: strings.TrimPrefix(uri, "tcp://"), change: change, changed: make(chan struct{}),
	}
	m.hands.Go(m.serve)
	return m
}

func (m *middle) close() {
	m.ln.Close()
	m.hands.Wait()
}

// serve carries one connection after the other.
func (m *middle) serve() {
	for n := 0; ; n++ {
		client, err := m.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", m.to)
		if err != nil {
			client.Close()
			continue
		}
		m.hands.Go(func() {
			_, _ = io.Copy(client, server)
			client.Close()
			server.Close()
		})
		m.hands.Go(func() {
			m.carry(client, server, n == 0)
			server.Close()
			client.Close()
		})
	}
}

// done tells that the change has had its effect.
func (m *middle) done() { m.once.Do(func() { close(m.changed) }) }

// carry carries what the client says. Of the first connection, one frame is changed.
func (m *middle) carry(client, server net.Conn, first bool) {
	if !first {
		_, _ = io.Copy(server, client)
		return
	}
	defer m.done()
	m.in = bufio.NewReader(client)
	if _, err := io.CopyN(server, m.in, 64); err != nil { // the greeting
		return
	}
	for n := 0; ; n++ {
		frame, err := m.frame()
		if err != nil {
			return
		}
		frames := [][]byte{frame}
		switch n {
		case 2: // behind HELLO and INITIATE
			m.first = bytes.Clone(frame)
		case 21:
			frames = m.change(m, frame)
		}
		for _, frame := range frames {
			if _, err := server.Write(frame); err != nil {
				return
			}
		}
	}
}

// frame reads one whole frame of the client's.
func (m *middle) frame() ([]byte, error) {
	head, err := m.in.Peek(2)
	if err != nil {
		return nil, err
	}
	size := 2 + int(head[1])
	if head[0]&flagLong != 0 {
		if head, err = m.in.Peek(9); err != nil {
			return nil, err
		}
		size = 9 + int(binary.BigEndian.Uint64(head[1:]))
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(m.in, frame)
	return frame, err
}

// TestHostileCurveFrames opens frames that are nearly right: none is taken, and the right one still is.
func TestHostileCurveFrames(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	c, s := shakeHands(client, server, nil, nil)
	var seeds [][]byte
	for _, text := range []string{"", "x", strings.Repeat("message", 100)} {
		c, _ := shakeHands(client, server, nil, nil)
		_, body, _ := splitFrame(c.cipher.seal(nil, AppendMessage(nil, []byte(text))))
		seeds = append(seeds, body)
	}
	_, right, _ := splitFrame(c.cipher.seal(nil, AppendMessage(nil, []byte("right"))))
	seeds = append(seeds, right)
	before := *s.cipher.(*curveCipher)
	mutate.Run(t, seeds, []string{"\x00", "\xff", curveCommand, string(right[8:16]), string(right)}, func(body []byte) bool {
		if bytes.Equal(body, right) {
			return true
		}
		if _, plain, err := s.cipher.open(body); err == nil || !errors.Is(err, ErrProtocol) {
			t.Errorf("it was taken: %q, %v", plain, err)
		}
		if *s.cipher.(*curveCipher) != before {
			t.Error("it changed something")
		}
		return true
	})
	if _, plain, err := s.cipher.open(right); string(plain) != "right" {
		t.Errorf("the right frame: %q, %v", plain, err)
	}
}

// TestHostileCurveHandshakes changes commands of the handshake at random. One of the two sides must notice, and both must end.
func TestHostileCurveHandshakes(t *testing.T) {
	t.Parallel()
	client, server := curveSides()
	random := rand.New(rand.NewPCG(seed(t), 0))
	for range fedmsgtest.Count(500, 20_000) {
		command := []string{"HELLO", "WELCOME", "INITIATE", "READY"}[random.IntN(4)]
		var was, is []byte
		change := func(name string, body []byte) []byte {
			if name != command {
				return body
			}
			was, is = bytes.Clone(body), changeBytes(random, body)
			return is
		}
		c, s := shakeHands(client, server, change, change)
		if bytes.Equal(is, was) {
			continue
		}
		padding := command == "HELLO" && len(is) == len(was) && bytes.Equal(is[:2], was[:2]) && bytes.Equal(is[74:], was[74:])
		if c.err == nil && s.err == nil && !padding {
			t.Fatalf("nobody notices that %s is\n%x instead of\n%x", command, is, was)
		}
	}
}

// seed is what random things of a test begin with; FEDMSG_TEST_SEED repeats it.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FEDMSG_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	return seed
}

// changeBytes makes one change.
func changeBytes(random *rand.Rand, b []byte) []byte {
	at := random.IntN(len(b))
	switch random.IntN(4) {
	case 0:
		b[at] ^= 1 << random.IntN(8)
		return b
	case 1:
		return b[:at]
	case 2:
		return append(b, byte(at))
	default:
		clear(b[at:])
		return append(b[:at], append([]byte{byte(random.IntN(255)) + 1}, b[at+1:]...)...)
	}
}
