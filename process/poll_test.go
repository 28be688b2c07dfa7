package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// pollTable is a table behind a web server.
type pollTable struct {
	mu   sync.Mutex
	rows map[int]int // guarded by mu
}

// ServeHTTP answers with all rows.
func (p *pollTable) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	for k, v := range p.rows {
		fmt.Fprintf(&b, `,{"k":%d,"v":%d}`, k, v)
	}
	fmt.Fprintf(w, "[%s]", bytes.TrimPrefix(b.Bytes(), []byte(",")))
}

// shuffle changes about half of the table.
func (p *pollTable) shuffle(rnd *rand.Rand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range 800 {
		switch rnd.IntN(6) {
		case 0:
			delete(p.rows, k)
		case 1, 2:
			p.rows[k] = rnd.IntN(4)
		}
	}
}

func (p *pollTable) snapshot() map[int]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.rows)
}

// polledTable follows the messages of a polled table as their readers do.
type polledTable struct {
	rows map[int]int
	ids  map[string]bool
}

// apply takes a message, which has to go on from the ones before it.
func (f *polledTable) apply(e *fedmsg.Entry) error {
	var said struct {
		Msg struct {
			Key    struct{ K int }
			Row    struct{ V int }
			Before *struct{ V int }
		}
	}
	if err := json.Unmarshal(e.Envelope, &said); err != nil {
		return err
	}
	if f.ids[e.ID] {
		return fmt.Errorf("the id %s is there twice", e.ID)
	}
	f.ids[e.ID] = true
	m := said.Msg
	was, known := f.rows[m.Key.K]
	kind := e.Topic[len("org.example.dev.wb.row."):]
	good := known && was == m.Row.V
	f.rows[m.Key.K] = m.Row.V
	switch kind {
	case "added":
		good = !known
	case "changed":
		good = known && m.Before != nil && was == m.Before.V && was != m.Row.V
	case "removed":
		delete(f.rows, m.Key.K)
	}
	if !good {
		return fmt.Errorf("%s does not go on from %d (%v): %s", kind, was, known, e.Envelope)
	}
	return nil
}

// TestPollKilled kills a node that polls, between the first message of what has changed and its keeping that all of it is published,
// again and again, while the table goes on changing: whoever follows the messages has the table, each message is there once, and each
// goes on from the one before it.
func TestPollKilled(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	table := &pollTable{rows: map[int]int{}}
	table.shuffle(rnd)
	server := httptest.NewServer(table)
	t.Cleanup(server.Close)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: fmt.Sprintf(`[[source]]
name = "wb"
from = "poll+%s/"
topics = ["org.example.dev.wb.#"]
sign = true
in_flight = 16
[source.poll]
every = "1s"
key = ["k"]
topic = "wb.row"
first = "publish"
`, server.URL)})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	after := "0" // the position of the last message that was seen
	for round := range fedmsgtest.Count(4, 50) {
		left := 1 + rnd.IntN(120)
		err := node.Follow(ctx, "after="+after, func(i fedmsgtest.Item) bool {
			if i.Entry != nil {
				after, left = i.Entry.Position.String(), left-1
			}
			return left > 0
		})
		if left > 0 {
			t.Fatalf("round %d: %v", round, err)
		}
		node.Kill9()
		table.shuffle(rnd)
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
	}
	want := table.snapshot() // for which the node asks at its start, and each second
	f := &polledTable{rows: map[int]int{}, ids: map[string]bool{}}
	err := node.Follow(ctx, "after=0", func(i fedmsgtest.Item) bool {
		if i.Entry != nil {
			if err := f.apply(i.Entry); err != nil {
				t.Error(err)
			}
		}
		return !t.Failed() && !maps.Equal(f.rows, want)
	})
	if !maps.Equal(f.rows, want) {
		t.Errorf("who follows has %d rows behind %d messages, want %d: %v", len(f.rows), len(f.ids), len(want), err)
	}
	t.Logf("%d messages", len(f.ids))
}
