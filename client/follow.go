package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/url"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/span"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const (
	// followChunk is how much is read at once, into memory that the entries then share.
	followChunk = 128 << 10
	// maxLine bounds one line of a stream: an entry whose envelope is as large as limits allow, in base64.
	maxLine = 16 << 20
	// silence is how long a stream may say nothing before it counts as dead; nodes send a heartbeat every 15 s.
	silence = 45 * time.Second
)

// FollowOptions says what to follow and from where. The zero value follows everything from now on.
type FollowOptions struct {
	Topics   []fedmsg.Pattern // entries that any of these matches …
	Prefixes []string         // … or whose topic begins with one of these; everything if there is neither
	Senders  []string         // and that one of these senders handed in: KIND:NAME, or KIND alone; all if there is none
	Signers  []string         // and that one of these signed: ROOT/NAME, or ROOT alone; all if there is none
	Where    string           // and that this expression is true of; empty leaves nothing out

	After fedmsg.Position // go on behind this one
	Since time.Time       // else from the first received at or after this time; what was imported into the node's archive has no position
	All   bool            // else from the very beginning; else only what comes from now on

	// FailFast ends with the error if the first connection fails, instead of trying until a node answers.
	FailFast bool

	// Connected is called each time a node has answered that the stream stands; it may be nil.
	Connected func()
	// Lost is called when there is no connection, with the reason and the wait before the next attempt; it may be nil.
	Lost func(err error, wait time.Duration)
	// Resumed is called when a connection stands again after Lost; it may be nil.
	Resumed func()
	// Passed is called with positions up to which nothing more was wanted, so that a reader of rare topics can save where
	// it stands; it may be nil.
	Passed func(fedmsg.Position)
	// Rest is called when all that has come was given and the next is waited for, so that a reader that gathers entries can go on
	// with what it has; it may be nil.
	Rest func()
}

// follower is one Follow under way. It belongs to one goroutine.
type follower struct {
	c     *Client
	o     FollowOptions
	yield func(fedmsg.Entry, error) bool
	after fedmsg.Position // where it stands; zero before the first entry or heartbeat
	moved bool            // something came over the current connection
}

// errStopped tells that the consumer wants no more.
var errStopped = errors.New("stopped")

// Follow gives the entries that o asks for, in the order of the log, history first and then live, until ctx ends. It
// connects again when the connection breaks and goes on where it stood.
//
// An error that is a [*fedmsg.Gap] stands for entries that cannot be given; iteration goes on behind it. Any other error is
// the last value: the node's refusal, or CodeUnavailable with o.FailFast. When ctx ends the iteration just ends.
//
// The memory of an entry is its own and the consumer's to keep, but neighbours share it: who keeps few of many entries for
// long copies them.
func (c *Client) Follow(ctx context.Context, o FollowOptions) iter.Seq2[fedmsg.Entry, error] {
	return func(yield func(fedmsg.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		f := &follower{c: c, o: o, yield: yield, after: o.After}
		f.run(ctx)
	}
}

// run connects and reads until ctx ends, the consumer has enough, or the node refuses.
func (f *follower) run(ctx context.Context) {
	retry := backoff.Backoff{Policy: backoff.Policy{First: 100 * time.Millisecond, Max: 10 * time.Second}}
	lost, reached := false, false
	for first := true; ctx.Err() == nil; first = false {
		f.moved = false
		err := f.session(ctx, func() {
			if lost && f.o.Resumed != nil {
				f.o.Resumed()
			}
			lost, reached = false, true
			if f.o.Connected != nil {
				f.o.Connected()
			}
		})
		if ctx.Err() != nil || err == errStopped {
			return
		}
		if f.moved {
			retry.Reset()
		}
		if first && !reached && f.o.FailFast || !passing(err) {
			f.yield(fedmsg.Entry{}, err)
			return
		}
		lost = true
		wait := retry.Next()
		if f.o.Lost != nil {
			f.o.Lost(err, wait)
		}
		f.c.logger.Info("lost the stream", "after", f.after, "wait", wait, "error", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

// passing reports whether err may be gone at the next attempt.
func passing(err error) bool {
	e, ok := errors.AsType[*fedmsg.Error](err)
	return !ok || e.Code.Retryable() || e.Code == fedmsg.CodeInternal
}

// session is one connection: it asks for what comes behind the position and reads until the connection breaks.
func (f *follower) session(ctx context.Context, connected func()) error {
	if err := f.findStart(ctx); err != nil {
		return err
	}
	conn, e, err := f.c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	began := time.Now()
	conn.SetDeadline(began.Add(f.c.o.Timeout))
	if _, err := conn.Write(f.c.head(e, "GET", "/v1/stream?"+f.query(), "Accept: application/x-ndjson\r\n")); err != nil {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the connection to %s broke", e.uri)
	}
	resp, err := readAnswer(bufio.NewReaderSize(conn, 16<<10), "GET", began)
	if err != nil {
		return err
	}
	connected()
	err = readLines(&patient{conn: conn, body: resp.Body}, f.line, f.o.Rest)
	if _, coded := errors.AsType[*fedmsg.Error](err); !coded && err != errStopped {
		err = fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the stream from %s ended", e.uri)
	}
	return err
}

// findStart asks for the end of the log before a reader of only new entries connects for the first time: with a position in
// hand nothing is missed if the connection breaks before the first entry.
func (f *follower) findStart(ctx context.Context) error {
	if !f.after.IsZero() || !f.o.Since.IsZero() || f.o.All {
		return nil
	}
	p := poster{c: f.c}
	defer p.close()
	info, err := p.log(ctx)
	if err == nil {
		f.after = fedmsg.Position{Log: info.ID, Seq: info.Last}
		return nil
	}
	if passing(err) {
		return err
	}
	return nil // a reader that may not know the log still may read from now on
}

// query is the query of the request.
func (f *follower) query() string {
	q := url.Values{}
	for _, p := range f.o.Topics {
		q.Add("topic", p.String())
	}
	for _, p := range f.o.Prefixes {
		q.Add("prefix", p)
	}
	for _, s := range f.o.Senders {
		q.Add("sender", s)
	}
	for _, s := range f.o.Signers {
		q.Add("signer", s)
	}
	if f.o.Where != "" {
		q.Set("where", f.o.Where)
	}
	switch {
	case !f.after.IsZero():
		q.Set("after", f.after.String())
	case !f.o.Since.IsZero():
		q.Set("since", f.o.Since.UTC().Format(time.RFC3339Nano))
	case f.o.All:
		q.Set("after", "0")
	}
	return q.Encode()
}

// patient reads from a stream that must say something now and then.
type patient struct {
	conn net.Conn
	body io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	p.conn.SetReadDeadline(time.Now().Add(silence))
	return p.body.Read(b)
}

// readLines cuts a stream into lines. A chunk of memory is filled and then left to the entries that were cut from it. Rest is called
// when all that has come was given; it may be nil.
func readLines(in io.Reader, line func([]byte) error, rest func()) error {
	buf := make([]byte, 0, followChunk)
	for {
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for {
			i := bytes.IndexByte(buf, '\n')
			if i < 0 {
				break
			}
			if err := line(buf[:i:i]); err != nil {
				return err
			}
			buf = buf[i+1:]
		}
		if rest != nil {
			rest()
		}
		if err != nil {
			return err
		}
		if cap(buf)-len(buf) < followChunk/16 {
			if len(buf) > maxLine {
				return fmt.Errorf("a line of the stream has more than %d bytes", maxLine)
			}
			buf = append(make([]byte, 0, max(followChunk, 2*len(buf))), buf...)
		}
	}
}

// line takes one line: an entry, a gap or a heartbeat.
func (f *follower) line(line []byte) error {
	if bytes.HasPrefix(line, []byte(`{"heartbeat"`)) || bytes.HasPrefix(line, []byte(`{"gap"`)) || bytes.HasPrefix(line, []byte(`{"error"`)) {
		return f.event(line)
	}
	if len(line) == 0 {
		return nil
	}
	e, err := wire.DecodeEntry(line)
	if err != nil || e.ID == "" || e.Envelope == nil && !e.Redacted {
		// Without its code: it is not the node's refusal, and what stands between may be mended by the next attempt.
		return fmt.Errorf("the stream has a line that is no entry, gap or heartbeat: %v", err)
	}
	f.moved = true
	if !e.Position.IsZero() { // else it was imported into the node's archive
		f.after = e.Position
	}
	if !f.yield(e, nil) {
		return errStopped
	}
	return nil
}

// event takes what is no entry.
func (f *follower) event(line []byte) error {
	if err := answeredError(line); err != nil {
		return err
	}
	var w struct {
		Heartbeat *struct {
			Position fedmsg.Position `json:"position"`
		} `json:"heartbeat"`
		Gap *fedmsg.Gap `json:"gap"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return fmt.Errorf("the stream has a line that is no entry, gap or heartbeat: %w", err)
	}
	f.moved = true
	switch {
	case w.Gap != nil:
		if !w.Gap.To.IsZero() {
			f.after = w.Gap.To
		}
		if !f.yield(fedmsg.Entry{}, w.Gap) {
			return errStopped
		}
	case w.Heartbeat != nil && !w.Heartbeat.Position.IsZero():
		f.after = w.Heartbeat.Position
		if f.o.Passed != nil {
			f.o.Passed(f.after)
		}
	}
	return nil
}

// ParseSince reads a point in time as people write it: RFC 3339, a date, or how long ago, as in 90m, 36h or 7d.
func ParseSince(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if ago, ok := span.Parse(s); ok {
		return now.Add(-ago), nil
	}
	return time.Time{}, fedmsg.Errorf(fedmsg.CodeBadRequest, "%q is neither a time as 2026-01-31T12:00:00Z nor a duration as 90m or 7d", s)
}
