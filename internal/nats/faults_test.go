package nats

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// numbered is a body with a number.
func numbered(n int) string { return fmt.Sprintf(`{"n":%d}`, n) }

// inOrder checks that the envelopes of the log from number first on came, each first behind the one before it, and repeated at
// most so often in all.
func inOrder(t *testing.T, r *running, got []taken, without map[uint64]bool, repeats int) {
	t.Helper()
	place := make(map[string]int)
	again := 0
	for i, m := range got {
		if _, known := place[string(m.Body)]; known {
			again++
			continue
		}
		place[string(m.Body)] = i
	}
	last := -1
	for _, e := range r.log.entries {
		at, ok := place[string(e.Envelope)]
		switch {
		case without[e.Position.Seq]:
			if ok {
				t.Fatalf("entry %d came, which must not", e.Position.Seq)
			}
		case !ok:
			t.Fatalf("entry %d is missing among %d messages", e.Position.Seq, len(got))
		case at < last:
			t.Fatalf("entry %d came before one before it", e.Position.Seq)
		default:
			last = at
		}
	}
	if again > repeats {
		t.Fatalf("%d messages came again; %d are allowed", again, repeats)
	}
}

// TestPoison gives up what NATS can never carry, says why, and goes on.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"core", "stream"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{Config: "max_payload: 100000"})
			_, js := admin(t, s.Addr)
			makeStream(t, js, jetstream.StreamConfig{Name: "other", Subjects: []string{"precious"}})
			makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}, MaxMsgSize: 50000})
			c := consume(t, s.Addr, kind, map[string]string{"core": "org.>", "stream": "all"}[kind])
			to := "nats://" + s.Addr
			if kind == "stream" {
				to += "?jetstream=yes"
			}
			r := run(t, deliver.Config{To: to})
			poison := map[uint64]bool{}
			bad := func(topic, body string) { poison[r.log.add(topic, "", body).Position.Seq] = true }
			r.log.add("org.a", "", numbered(1))
			bad("$JS.API.STREAM.DELETE.other", "{}")
			bad("_INBOX.somebody", "{}")
			bad("org.*", "{}")
			bad("org.>", "{}")
			bad("org. a", "{}")
			bad("org..a", "{}")
			bad(".org.a", "{}")
			bad("org.a.", "{}")
			bad("org.big", `{"x":"`+strings.Repeat("x", 120000)+`"}`)
			if kind == "stream" {
				bad("org.large", `{"x":"`+strings.Repeat("x", 60000)+`"}`)
			}
			r.log.add("org.a", "", numbered(2))
			r.done(t)
			await(t, "the good ones", func() bool { return len(c.taken(t)) >= 2 })
			inOrder(t, r, c.taken(t), poison, 0)
			if st := r.status(); st.Dead != len(poison) || st.Retried != 0 {
				t.Errorf("%d dead letters, %d retries; want %d, 0\n%s", st.Dead, st.Retried, len(poison), r.fates())
			}
			for _, want := range []string{
				"the server's own", "subjects that begin with _INBOX", "the word * stands", "the word > stands", "a space", "an empty word", "max_payload", "escape=yes",
			} {
				if !strings.Contains(r.fates(), want) {
					t.Errorf("no reason says %q:\n%s", want, r.fates())
				}
			}
			if _, err := js.Stream(t.Context(), "other"); err != nil {
				t.Errorf("the other stream: %v", err)
			}
		})
	}
}

// TestNotPermitted gives up, after some attempts, what the server's user may not publish, and neither counts it as delivered
// nor keeps back the others.
func TestNotPermitted(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"core", "stream"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{Config: `authorization { users = [
				{user: "ralph", password: "secret", permissions: {publish: {deny: ["org.secret.>"]}}}, {user: "admin", password: "admin"} ] }
				no_auth_user: "admin"`})
			_, js := admin(t, s.Addr)
			makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
			c := consume(t, s.Addr, kind, map[string]string{"core": "org.>", "stream": "all"}[kind])
			to := "nats://" + s.Addr
			if kind == "stream" {
				to += "?jetstream=yes"
			}
			secret := filepath.Join(t.TempDir(), "credentials")
			if err := os.WriteFile(secret, []byte("ralph:secret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r := run(t, deliver.Config{To: to, Credentials: secret, Attempts: 3})
			poison := map[uint64]bool{}
			for i := range 300 {
				topic := "org.open"
				if i == 100 || i == 101 || i == 250 {
					topic = fmt.Sprintf("org.secret.n%d", i%2)
				}
				if e := r.log.add(topic, "", numbered(i)); topic != "org.open" {
					poison[e.Position.Seq] = true
				}
			}
			r.done(t)
			await(t, "the permitted ones", func() bool { return len(c.taken(t)) >= 297 })
			inOrder(t, r, c.taken(t), poison, 0) // those behind a refused one are delivered
			if st := r.status(); st.Dead != 3 || !strings.Contains(r.fates(), "does not let this node publish on org.secret.n0") {
				t.Errorf("%d dead letters; want 3\n%s", st.Dead, r.fates())
			}
		})
	}
}

// TestNoStream waits for a stream without blaming an entry; a subject that no stream takes is told.
func TestNoStream(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	r := run(t, deliver.Config{To: "nats://" + s.Addr + "?jetstream=yes&stream=all", Attempts: 3})
	r.log.add("org.a", "", numbered(1))
	await(t, "it to say that there is no stream", func() bool { return strings.Contains(r.status().LastError, "has no stream all") })
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	r.done(t)
	r.log.add("com.a", "", numbered(2))
	r.log.add("org.a", "", numbered(3))
	r.done(t)
	c := consume(t, s.Addr, "stream", "all")
	await(t, "both", func() bool { return len(c.taken(t)) >= 2 })
	inOrder(t, r, c.taken(t), map[uint64]bool{2: true}, 0)
	if !strings.Contains(r.fates(), "2 dead no stream of nats://") {
		t.Error(r.fates())
	}
}

// TestStreamDeleted has the stream taken away from a sink at work: it waits for another, and no entry is at fault.
func TestStreamDeleted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, options string }{{"named", "&stream=all"}, {"by its subjects", ""}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
			conn, js := admin(t, s.Addr)
			all := jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}}
			makeStream(t, js, all)
			makeStream(t, js, jetstream.StreamConfig{Name: "other", Subjects: []string{"net.>"}})
			r := run(t, deliver.Config{To: "nats://" + s.Addr + "?jetstream=yes" + c.options, Attempts: 2})
			r.log.add("org.a", "", numbered(0))
			r.done(t)
			if err := js.DeleteStream(t.Context(), "all"); err != nil {
				t.Fatal(err)
			}
			var asked atomic.Int32
			if _, err := conn.Subscribe("$JS.API.STREAM.INFO.all", func(*nats.Msg) { asked.Add(1) }); err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				r.log.add("org.a", "", numbered(1+i))
			}
			await(t, "it to try again and again", func() bool { return asked.Load() >= 10 || r.status().Dead > 0 })
			if st := r.status(); st.Dead > 0 || !strings.Contains(st.LastError, "make it") {
				t.Fatalf("%d dead letters, %q", st.Dead, st.LastError)
			}
			makeStream(t, js, all)
			r.done(t)
			got := consume(t, s.Addr, "stream", "all")
			await(t, "all", func() bool { return len(got.taken(t)) >= 20 })
			inOrder(t, &running{log: &memLog{entries: r.log.entries[1:]}}, got.taken(t), nil, 0)
		})
	}
}

// remade is a server where a stream that was gone is made again right after so many questions were answered.
type remade struct {
	jetstream.JetStream
	after int
	make  func()
}

func (r *remade) answered() {
	if r.after--; r.after == 0 {
		r.make()
	}
}

func (r *remade) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	defer r.answered()
	return r.JetStream.Stream(ctx, name)
}

func (r *remade) StreamNameBySubject(ctx context.Context, subject string) (string, error) {
	defer r.answered()
	return r.JetStream.StreamNameBySubject(ctx, subject)
}

func (r *remade) AccountInfo(ctx context.Context) (*jetstream.AccountInfo, error) {
	defer r.answered()
	return r.JetStream.AccountInfo(ctx)
}

// TestStreamMadeWhileAsked has the stream come back while the sink asks why nobody took an entry, which is not at fault for that.
func TestStreamMadeWhileAsked(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "other", Subjects: []string{"net.>"}})
	all := jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}}
	for _, options := range []string{"", "&stream=all"} {
		for after := range 4 {
			opened, err := NewSink(deliver.Config{Name: "s", To: "nats://" + s.Addr + "?jetstream=yes" + options}, nil)
			if err != nil {
				t.Fatal(err)
			}
			asked := opened.(*sink)
			asked.took.add("all")
			server := &remade{JetStream: js, after: after, make: func() { makeStream(t, js, all) }}
			if after == 0 {
				server.make()
			}
			if options == "" {
				err = asked.unnamed(t.Context(), server, "org.a")
			} else {
				err = asked.named(t.Context(), server, "org.a")
			}
			if !deliver.IsNotNow(err) {
				t.Errorf("%q, made after %d questions: %v", options, after, err)
			}
			if err := js.DeleteStream(t.Context(), "all"); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Fatal(err)
			}
		}
	}
}

// TestStreamFull waits for room, for as long as it takes, and neither gives an entry up nor changes the order.
func TestStreamFull(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	full := jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}, Discard: jetstream.DiscardNew, MaxMsgs: 500}
	makeStream(t, js, full)
	r := run(t, deliver.Config{To: "nats://" + s.Addr + "?jetstream=yes", Attempts: 2})
	for i := range 1000 {
		r.log.add("org.a", "", numbered(i))
	}
	await(t, "it to say so", func() bool { return strings.Contains(r.status().LastError, "is full") })
	if st := r.status(); st.Delivered != 500 || st.Dead != 0 {
		t.Fatalf("%+v", st)
	}
	full.MaxMsgs = 2000
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	r.done(t)
	c := consume(t, s.Addr, "stream", "all")
	await(t, "all", func() bool { return len(c.taken(t)) >= 1000 })
	inOrder(t, r, c.taken(t), nil, 0)
	if st := r.status(); st.Dead != 0 {
		t.Errorf("%d dead letters", st.Dead)
	}
}

// TestResetInAcks breaks the connection again and again in the middle of what the server acknowledges: all arrives once, in order.
func TestResetInAcks(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	p := fedmsgtest.StartProxy(t, s.Addr)
	c := consume(t, s.Addr, "stream", "all")
	r := run(t, deliver.Config{To: "nats://" + p.Addr + "?jetstream=yes&stream=all"})
	const n = 20000
	go func() {
		for i := range n {
			r.log.add("org.a", "", numbered(i))
		}
	}()
	for cut := range 20 {
		was := p.Cuts()
		p.CutAfter(3000 + cut*777)
		await(t, "the cut", func() bool { return p.Cuts() > was || r.status().Position.Seq == n })
	}
	await(t, "the log to be written", func() bool { return r.log.End().Seq == n })
	r.done(t)
	await(t, "all", func() bool { return len(c.taken(t)) >= n })
	inOrder(t, r, c.taken(t), nil, 0)
	if p.Cuts() < 10 {
		t.Errorf("only %d cuts hit", p.Cuts())
	}
}

// TestServerComesAndGoes kills, stops and freezes the server under load. What it acknowledged it has, in order.
func TestServerComesAndGoes(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	c := consume(t, s.Addr, "stream", "all")
	r := run(t, deliver.Config{To: "nats://" + s.Addr + "?jetstream=yes&stream=all", AnswerTimeout: 2 * time.Second})
	added := 0
	more := func() {
		for range 2000 {
			r.log.add("org.a", "", numbered(added))
			added++
		}
	}
	moved := func() {
		t.Helper()
		was := r.status().Position.Seq
		await(t, "it to deliver", func() bool { return r.status().Position.Seq > was })
	}
	for _, away := range []func() error{
		func() error { s.Kill9(); return nil },
		s.Stop,
		func() error { s.Kill9(); return nil },
	} {
		more()
		moved()
		if err := away(); err != nil {
			t.Fatal(err)
		}
		more()
		await(t, "it to notice", func() bool { return r.status().State == deliver.StateWaiting })
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	moved()
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	more()
	await(t, "it to call that silent", func() bool { return r.status().State == deliver.StateWaiting })
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	r.done(t)
	await(t, "all", func() bool { return len(c.taken(t)) >= added })
	inOrder(t, r, c.taken(t), nil, 0)
	if st := r.status(); st.Dead != 0 {
		t.Errorf("%d dead letters", st.Dead)
	}
}
