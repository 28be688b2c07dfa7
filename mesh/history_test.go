package mesh

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
)

// TestHistory keeps the newest within both bounds, and finds them by all that can be asked for.
func TestHistory(t *testing.T) {
	h := newHistory(100, 1000)
	add := func(n uint64, size int) {
		h.add(kept{seq: n, id: fmt.Sprint("id", n), at: time.Unix(int64(n), 0), answer: fmt.Appendf(nil, "%-*d", size, n)})
	}
	numbers := func(q replay.Query) (all []string, err error) {
		frames, err := h.find(&q, 300)
		for _, f := range frames {
			all = append(all, string(f[:3]))
		}
		return all, err
	}
	if _, err := numbers(replay.Query{All: true}); err != replay.ErrNoMatch {
		t.Errorf("of an empty one: %v", err)
	}
	for n := uint64(501); n <= 999; n++ {
		add(n, 4)
	}
	if h.count != 100 || h.ring[h.start].seq != 900 || h.bytes != 400 {
		t.Errorf("%d are kept from %d on, of %d bytes", h.count, h.ring[h.start].seq, h.bytes)
	}
	cases := []struct {
		q    replay.Query
		want []string
		err  error
	}{
		{q: replay.Query{Range: replay.Range{From: 1, To: 902}}, want: []string{"900", "901", "902"}},
		{q: replay.Query{Range: replay.Range{From: 998, To: 2000}}, want: []string{"998", "999"}},
		{q: replay.Query{Range: replay.Range{From: 1000, To: 2000}}, err: replay.ErrNoMatch},
		{q: replay.Query{Seqs: []uint64{1, 905, 998, 3000}}, want: []string{"905", "998"}},
		{q: replay.Query{Seqs: []uint64{905}, Range: replay.Range{From: 998, To: 999}}, want: []string{"905", "998", "999"}},
		{q: replay.Query{IDs: []string{"id1", "id950"}}, want: []string{"950"}},
		{q: replay.Query{Time: replay.Span{From: time.Unix(997, 1), To: time.Unix(999, 0)}}, want: []string{"998", "999"}},
		{q: replay.Query{All: true}, err: replay.ErrTooLarge},
		{q: replay.Query{}, err: replay.ErrNoMatch},
	}
	for _, c := range cases {
		if got, err := numbers(c.q); err != c.err || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, %v", c.q, got, err)
		}
	}
	add(1000, 700) // which leaves room for 75 of the others
	if h.count != 76 || h.bytes != 1000 {
		t.Errorf("%d are kept, of %d bytes", h.count, h.bytes)
	}
	add(1001, 5000) // more than there is room for, and yet kept
	if got, err := numbers(replay.Query{Seqs: []uint64{1001}}); h.count != 1 || len(got) != 1 || err != nil {
		t.Errorf("%d are kept, %v, %v", h.count, got, err)
	}
}
