package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
)

// maxTopics bounds the topics that are told apart; the rest are counted together.
const maxTopics = 10_000

// otherTopics stands for them. No topic has spaces.
const otherTopics = "(other topics)"

// topicCount is what came on one topic.
type topicCount struct {
	Topic string    `json:"topic"`
	Rate  float64   `json:"rate"`  // messages a second, over the last interval
	Total uint64    `json:"total"` // messages since top was started
	Last  time.Time `json:"last"`  // when the node received the last

	now uint64 // messages of the interval
}

// tally counts what a reader is given.
type tally struct {
	connected chan struct{} // closed when the node has answered

	mu     sync.Mutex
	topics map[string]*topicCount // guarded by mu
	gaps   uint64                 // since the start; guarded by mu
	lost   string                 // why there is no connection; guarded by mu
}

// counted is what a tally gives for one interval.
type counted struct {
	topics []topicCount
	gaps   uint64
	lost   string
}

func newTally() *tally {
	return &tally{connected: make(chan struct{}), topics: map[string]*topicCount{}}
}

// follow counts until ctx ends or the node refuses.
func (t *tally) follow(ctx context.Context, c *client.Client, o client.FollowOptions) error {
	var once sync.Once
	o.Connected = func() { once.Do(func() { close(t.connected) }); t.set("") }
	o.Lost = func(err error, _ time.Duration) { t.set(sentence(err)) }
	for e, err := range c.Follow(ctx, o) {
		if _, isGap := err.(*fedmsg.Gap); isGap {
			t.mu.Lock()
			t.gaps++
			t.mu.Unlock()
			continue
		}
		if err != nil {
			return err
		}
		t.add(&e)
	}
	return nil
}

func (t *tally) set(lost string) {
	t.mu.Lock()
	t.lost = lost
	t.mu.Unlock()
}

func (t *tally) add(e *fedmsg.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, known := t.topics[e.Topic]
	if !known {
		topic := strings.Clone(e.Topic) // which shares its memory with its neighbours
		if len(t.topics) >= maxTopics {
			topic = otherTopics
		}
		if n = t.topics[topic]; n == nil {
			n = &topicCount{Topic: topic}
			t.topics[topic] = n
		}
	}
	n.now++
	n.Total++
	n.Last = e.Received
}

// take gives what was counted since the last time, the busiest topics first. Rates are left to who knows how long that was.
func (t *tally) take() counted {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := counted{topics: make([]topicCount, 0, len(t.topics)), gaps: t.gaps, lost: t.lost}
	for _, n := range t.topics {
		out.topics = append(out.topics, *n)
		n.now = 0
	}
	slices.SortFunc(out.topics, func(a, b topicCount) int {
		return cmp.Or(cmp.Compare(b.now, a.now), cmp.Compare(b.Total, a.Total), cmp.Compare(a.Topic, b.Topic))
	})
	return out
}
