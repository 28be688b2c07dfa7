package stomp

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// errClosed tells that a connection takes nothing more.
var errClosed = errors.New("the connection is closed")

// Times of a connection.
const (
	openTime  = 30 * time.Second       // for all up to the server's CONNECTED
	closeTime = 250 * time.Millisecond // for the server to take the last frames and to close
)

// server is how a server is reached, and as whom.
type server struct {
	endpoint *remote.Endpoint
	files    remote.Files
	beat     time.Duration // offered and asked for; 0 is none
	clientID string        // empty without one
}

// conn is a connection on which both sides have agreed. One goroutine reads, any may use the outbox.
type conn struct {
	*outbox
	in     *reader
	server string // what the server calls itself, as ActiveMQ/5.17.2
	live   *listening
}

// dial connects and logs in. What fails later to be written is told to failed.
func (s *server) dial(ctx context.Context, readBytes, maxBody int, failed func(error)) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	nc, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	live := &listening{Conn: nc}
	stop := context.AfterFunc(ctx, func() { live.Close() })
	c, err := s.login(live, readBytes, maxBody, failed)
	if !stop() {
		err = errors.Join(err, fmt.Errorf("%s does not answer: %w", s.endpoint, context.Cause(ctx)))
	}
	if err != nil {
		live.Close()
		if c != nil {
			c.Finish(nothing)
		}
		return nil, err
	}
	return c, nil
}

// connect makes the connection, with TLS where it is asked for.
func (s *server) connect(ctx context.Context) (net.Conn, error) {
	address := s.endpoint.Address("61613")
	if s.endpoint.Scheme == schemeTLS {
		address = s.endpoint.Address("61614")
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil || s.endpoint.Scheme != schemeTLS {
		return nc, err
	}
	settings, err := s.files.TLS(s.endpoint.Host)
	if err != nil {
		nc.Close()
		return nil, err
	}
	secure := tls.Client(nc, settings)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("no TLS with %s: %w", s.endpoint, err)
	}
	return secure, nil
}

// login says CONNECT and waits for the answer.
func (s *server) login(live *listening, readBytes, maxBody int, failed func(error)) (*conn, error) {
	hello, err := s.hello()
	if err != nil {
		return nil, err
	}
	if _, err := live.Write(hello); err != nil {
		return nil, err
	}
	in := &reader{r: bufio.NewReaderSize(live, readBytes), maxBody: maxBody}
	f, err := in.next()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s does not let this node in: %w", s.endpoint, err)
	case f.command != "CONNECTED":
		return nil, fmt.Errorf("%s does not let this node in: %w", s.endpoint, f.failure())
	case f.get("version") != "1.2":
		return nil, fmt.Errorf("%s speaks STOMP %q; 1.2 is needed", s.endpoint, clean(f.get("version")))
	}
	send, expect := s.agree(f.get("heart-beat"))
	live.expect.Store(int64(2 * expect)) // one may be late, or lost in what delays all
	return &conn{outbox: newOutbox(live, send/3, failed), in: in, server: clean(f.get("server")), live: live}, nil
}

// hello makes the first frame. The specification has no escapes in it; ActiveMQ and RabbitMQ read backslashes as escapes all the
// same, so that one has to stand there twice. Colons are taken either way.
func (s *server) hello() ([]byte, error) {
	user, password, err := s.files.Login(s.endpoint)
	if err != nil {
		return nil, err
	}
	beat := s.beat.Milliseconds()
	headers := []header{
		{"accept-version", "1.2"}, {"host", cmp.Or(strings.TrimPrefix(s.endpoint.Path, "/"), "/")}, {"heart-beat", fmt.Sprintf("%d,%d", beat, beat)},
	}
	if user != "" {
		headers = append(headers, header{"login", user}, header{"passcode", password})
	}
	if s.clientID != "" {
		headers = append(headers, header{"client-id", s.clientID})
	}
	hello := []byte("CONNECT\n")
	for _, h := range headers {
		if strings.ContainsAny(h.value, "\r\n\x00") {
			return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the %s for %s has a byte in it that STOMP cannot carry there", h.name, s.endpoint)
		}
		hello = append(append(hello, h.name...), ':')
		hello = append(append(hello, strings.ReplaceAll(h.value, `\`, `\\`)...), '\n')
	}
	return append(hello, "\n\x00"...), nil
}

// agree gives how often each side has to let hear of itself, after what the server offers and asks for.
func (s *server) agree(offer string) (send, expect time.Duration) {
	gives, wants, _ := strings.Cut(offer, ",")
	one := func(text string) time.Duration {
		ms, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
		if err != nil || ms == 0 || s.beat == 0 {
			return 0
		}
		return max(s.beat, time.Duration(ms)*time.Millisecond)
	}
	return one(wants), one(gives)
}

// leave ends the connection with a good-bye, so that the server does what it was sent, if it hears within a short time. Drain
// reads to the end.
func (c *conn) leave(drain func()) error {
	c.live.turn(leaving)
	c.Finish(func(b []byte) []byte { return append(b, "DISCONNECT\n\n\x00"...) })
	drain()
	return c.live.Close()
}

func nothing(b []byte) []byte { return b }

// listening is a connection on which silence is an error.
type listening struct {
	net.Conn
	expect atomic.Int64 // nanoseconds of silence; 0 allows any
	state  atomic.Int32
}

// The states of a connection, after open.
const (
	interrupted = iota + 1 // nothing more is read
	leaving                // what is still read and written has little time
)

func (l *listening) Read(p []byte) (int, error) {
	if expect := time.Duration(l.expect.Load()); expect > 0 {
		_ = l.SetReadDeadline(time.Now().Add(expect)) // a closed connection says so at Read
		l.hold()
	}
	return l.Conn.Read(p)
}

// Close ends it at once: TLS would wait for seconds to say so to who takes nothing.
func (l *listening) Close() error {
	if secure, ok := l.Conn.(*tls.Conn); ok {
		return secure.NetConn().Close()
	}
	return l.Conn.Close()
}

// turn sets the state, also for a Read that waits.
func (l *listening) turn(state int32) {
	l.state.Store(state)
	l.hold()
}

// hold sets the deadlines of the state. Who sets one for a reason of its own holds behind it, lest turn came between.
func (l *listening) hold() {
	switch l.state.Load() {
	case interrupted:
		_ = l.SetReadDeadline(time.Unix(1, 0))
	case leaving:
		_ = l.SetDeadline(time.Now().Add(closeTime))
	}
}

// failure is what an ERROR frame, or one that is out of place, says.
func (f *frame) failure() error {
	if f.command != "ERROR" {
		return fmt.Errorf("a frame %q came out of place", clean(f.command))
	}
	text := clean(f.get("message"))
	if text == "" {
		text = clean(string(f.body))
	}
	return fmt.Errorf("the server says %q", text)
}

// Bytes of what a server wrote in an error: of its own words, and of what may be another protocol's.
const (
	maxWords   = 300
	maxStrange = 80
)

// clean makes of what a server wrote something short that can stand in one line.
func clean(text string) string { return cleanTo(text, maxWords) }

func cleanTo(text string, most int) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	cut := len(text) > most
	if cut {
		text = text[:most]
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	if cut {
		text += "…"
	}
	return text
}
