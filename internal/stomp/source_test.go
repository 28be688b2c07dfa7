package stomp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// door takes everything and keeps it. While it is shut what comes waits for ever.
type door struct {
	mu   sync.Mutex
	came []wire.Carried // guarded by mu
	shut bool           // guarded by mu
}

var _ receive.Door = (*door)(nil)

func (d *door) SubmitCarried(_ context.Context, from fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.came = append(d.came, messages...)
	return ticket{len(messages), d.shut}
}

func (d *door) all() []wire.Carried {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]wire.Carried(nil), d.came...)
}

func (d *door) await(t *testing.T, n int) []wire.Carried {
	t.Helper()
	await(t, fmt.Sprintf("%d messages have come", n), func() bool { return len(d.all()) >= n })
	return d.all()
}

type ticket struct {
	n    int
	shut bool
}

func (k ticket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	if k.shut {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return make([]fedmsg.Outcome, k.n), nil
}

// receiveFrom starts a source and returns when it is connected. It stops with the test, or before by the function.
func receiveFrom(t *testing.T, c receive.Config, d *door) (*receive.Set, func()) {
	t.Helper()
	c.Name, c.Topics = "in", []fedmsg.Pattern{everything(t)}
	source, err := NewSource(c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	set, err := receive.New([]receive.Configured{{Config: c, Source: source, InFlight: SourceInFlight}}, receive.Deps{
		Door: func(*receive.Config) receive.Door { return d }, Dir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Start()
	stop := sync.OnceFunc(func() {
		if err := set.Stop(soon(t)); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	await(t, "the source is connected", func() bool { return set.List()[0].Connected })
	return set, stop
}

// recorded is one message of Red Hat's bus, as its subscribers got it.
type recorded struct {
	Headers map[string]any  `json:"headers"`
	Msg     json.RawMessage `json:"msg"`
	Body    json.RawMessage `json:"body"`
	MsgID   string          `json:"msg_id"`
	Topic   string          `json:"topic"`
}

// records gives those of a file of the corpus, in the member of each of its lines.
func records(t *testing.T, file, member string) []recorded {
	t.Helper()
	f, err := os.Open(fedmsgtest.Shared(t, "corpus", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []recorded
	lines := bufio.NewScanner(f)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var line map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		var r recorded
		if err := json.Unmarshal(line[member], &r); err != nil {
			t.Fatal(err)
		}
		if r.Msg == nil {
			r.Msg = r.Body
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no messages", file)
	}
	return all
}

// umbQueues has clients of two words, as on that bus.
const umbQueues = `<destinationInterceptors><virtualDestinationInterceptor><virtualDestinations>
<virtualTopic name="VirtualTopic.&gt;" prefix="Consumer.*.*."/></virtualDestinations></virtualDestinationInterceptor></destinationInterceptors>`

// TestRecordedBus has the recorded messages of Red Hat's bus published again by a program of another make, on the same topics with the
// headers that were the publisher's, and taken from a queue as that bus makes them.
func TestRecordedBus(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Elements: []string{umbQueues}})
	d := &door{}
	receiveFrom(t, receive.Config{From: "stomp://" + server.STOMP + "/?destination=/queue/Consumer.fedmsg.umb.VirtualTopic.%3E"}, d)
	p := publish(t, server.STOMP)
	messages := append(records(t, "umb-messages.jsonl", "message"), records(t, "bugzilla-stomp.jsonl", "stomp")...)
	for i, m := range messages {
		headers := map[string]string{}
		for name, v := range m.Headers {
			if value, ok := v.(string); ok && harmless(name, commands()) {
				headers[name] = value
			}
		}
		p.send(m.Topic, headers, m.Msg)
		got := d.await(t, i+1)[i]
		if want := strings.TrimPrefix(m.Topic, "/topic/"); got.Topic != want || !bytes.Equal(got.Body, m.Msg) {
			t.Errorf("%s came as %s %s", m.Topic, got.Topic, got.Body)
		}
		if !strings.HasPrefix(got.ID, "ID:") || got.Envelope != nil {
			t.Errorf("%s has the id %q, the envelope %q", m.Topic, got.ID, got.Envelope)
		}
		var told map[string]string
		if err := json.Unmarshal(got.Headers, &told); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(told, func(name, _ string) bool { return name == "expires" || name == "priority" || name == "timestamp" })
		if !maps.Equal(told, headers) {
			t.Errorf("%s has the headers %q, want %q", m.Topic, told, headers)
		}
	}
}

// TestTakenAgain shows that a message that is taken twice is the same to the last byte, so that the log knows it again: nothing of it
// was on disk when the first source ended.
func TestTakenAgain(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	first, second := &door{shut: true}, &door{}
	c := receive.Config{From: "stomp://" + a.server.STOMP + "/?destination=/queue/Consumer.twice.VirtualTopic.twice.%3E"}
	_, stop := receiveFrom(t, c, first)
	p := publish(t, a.server.STOMP)
	for i := range 20 {
		p.send("/topic/VirtualTopic.twice.x", map[string]string{"CI_TYPE": "x"}, fmt.Appendf(nil, `{"i":%d}`, i))
	}
	once := first.await(t, 20)
	stop()
	receiveFrom(t, c, second)
	for i, again := range second.await(t, 20) {
		if again.ID == "" || again.ID != once[i].ID || again.Topic != once[i].Topic || !bytes.Equal(again.Headers, once[i].Headers) || !bytes.Equal(again.Body, once[i].Body) {
			t.Errorf("taken first %+v, then %+v", once[i], again)
		}
	}
}

// TestSourceOptions selects, maps topics, and keeps a place on a topic while it is away.
func TestSourceOptions(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	at := "stomp://" + a.server.STOMP
	p := publish(t, a.server.STOMP)
	selected, mapped := &door{}, &door{}
	receiveFrom(t, receive.Config{From: at + "/?destination=/topic/VirtualTopic.so.%3E&selector=CI_TYPE%3D'a'"}, selected)
	durable := receive.Config{From: at + "/?destination=/topic/VirtualTopic.so.%3E&durable=here&topic=/topic/VirtualTopic.{topic}&prefix=org.redhat"}
	_, stop := receiveFrom(t, durable, mapped)
	stop()
	for i := range 10 {
		p.send("/topic/VirtualTopic.so.x", map[string]string{"CI_TYPE": string("ab"[i%2])}, fmt.Appendf(nil, `{"i":%d}`, i))
	}
	receiveFrom(t, durable, mapped)
	for i, m := range mapped.await(t, 10) {
		if m.Topic != "org.redhat.so.x" || string(m.Body) != fmt.Sprintf(`{"i":%d}`, i) {
			t.Errorf("message %d came as %s %s", i, m.Topic, m.Body)
		}
	}
	for i, m := range selected.await(t, 5) {
		if m.Topic != "VirtualTopic.so.x" || string(m.Body) != fmt.Sprintf(`{"i":%d}`, 2*i) {
			t.Errorf("selected message %d came as %s %s", i, m.Topic, m.Body)
		}
	}
}

// TestBadSelector is told of with what the server says.
func TestBadSelector(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	source, err := NewSource(receive.Config{From: "stomp://" + a.server.STOMP + "/?destination=/queue/bad&selector=a+b+c"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Run(soon(t), &receive.Intake{}); err == nil || !strings.Contains(err.Error(), `the server says "a b c"`) {
		t.Error(err)
	}
}

// TestThereAndBack takes entries over ActiveMQ in each form to a source; TestRabbitMQ does so over the other server.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	thereAndBack(t, activeMQ(t).server.STOMP, [][2]string{
		{"/queue/Consumer.b.VirtualTopic.envelope.%3E&topic=/topic/VirtualTopic.envelope.{topic}", "/topic/VirtualTopic.envelope.{topic}"},
		{"/queue/Consumer.b.VirtualTopic.body.%3E&topic=/topic/VirtualTopic.body.{topic}", "/topic/VirtualTopic.body.{topic}&format=body"},
		{"/queue/Consumer.b.VirtualTopic.text.%3E&topic=/topic/VirtualTopic.text.{topic}", "/topic/VirtualTopic.text.{topic}&format=body&as=text"},
		{"/queue/back", "/queue/back&format=body"},
	})
}

// thereAndBack takes entries over the server from each second destination to the first, where the envelopes, signatures and origins come
// out byte for byte.
func thereAndBack(t *testing.T, addr string, ways [][2]string) {
	t.Helper()
	for _, way := range ways {
		from, to := way[0], way[1]
		t.Run(from, func(t *testing.T) {
			d, m := &door{}, newMemory()
			login := secret(t, "guest:guest")
			receiveFrom(t, receive.Config{From: "stomp://" + addr + "/?destination=" + from, Credentials: login}, d)
			deliverTo(t, m, deliver.Config{To: "stomp://" + addr + "/?destination=" + to, Credentials: login})
			var sent []*fedmsg.Entry
			for i, topic := range []string{"org.example.x", "naïve.é😀.x", "a,b.>.c/d%2f#", "a b.c", "x"} {
				for k, body := range []string{`{}`, `{"é":"😀 \\ \u0000 : \r"}`, `{"msg":{"msg":1},"long":"` + strings.Repeat("é", 60000) + `"}`} {
					e := fedmsg.Entry{ID: fmt.Sprintf("%d-%d", i, k), Topic: topic}
					e.Envelope = fmt.Appendf(nil, `{"a":"😀 : \\","msg":%s,"msg_id":%q,"topic":%q,"zz":%q}`, body, e.ID, topic, strings.Repeat("é:", k*2000))
					if k > 0 {
						e.Signatures = json.RawMessage(`[{"sig":"` + strings.Repeat(":", k*3000) + `"}]`)
						e.Origin = fedmsg.Position{Log: "bbbbbbbbbbbb", Seq: uint64(k)}
					}
					sent = append(sent, m.add(e))
				}
			}
			for i, got := range d.await(t, len(sent)) {
				want := sent[i]
				origin := want.Origin
				if origin.IsZero() {
					origin = want.Position
				}
				if !bytes.Equal(got.Envelope, want.Envelope) || !bytes.Equal(got.Signatures, want.Signatures) || got.Origin != origin {
					t.Errorf("%s on %q came as\n%+.300q", want.ID, want.Topic, got)
				}
				if got.Topic != want.Topic {
					t.Errorf("%s on %q came on %q", want.ID, want.Topic, got.Topic)
				}
			}
		})
	}
}
