package sqlite

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// TestAmong asks which of keys have a term, where they stand together and where they stand far apart, against the rows themselves.
func TestAmong(t *testing.T) {
	t.Parallel()
	s, _ := opened(t)
	bus := newBus()
	has := make(map[archive.Term][]archive.Key)
	for range 4 {
		entries := bus.next(500)
		put(t, s, entries)
		for i := range entries {
			for _, term := range archive.DraftOf(&entries[i]).Terms {
				has[term] = append(has[term], archive.KeyOf(entries[i].Received)) // times differ
			}
		}
	}
	all := heads(t, s)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for term, of := range has {
		if len(of) < 3 {
			continue
		}
		var keys, want []archive.Key
		for range 1 + r.IntN(30) {
			key := all[r.IntN(len(all))].Key
			if r.IntN(2) == 0 {
				key = of[r.IntN(len(of))]
			}
			keys = append(keys, key+archive.Key(r.IntN(2)*r.IntN(2)))
		}
		for _, key := range keys {
			if slices.Contains(of, key) {
				want = append(want, key)
			}
		}
		got, err := s.Among(t.Context(), term, keys)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v of %d rows: of %v\ngiven  %v\nwanted %v (%v)", term, len(of), keys, got, want, err)
		}
	}
}

// TestTopicsAreKept holds that all topics are given at once when there is a new one, whoever wrote it, and the same map where there is
// none.
func TestTopicsAreKept(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	other := openedAt(t, file)
	bus := newBus()
	put(t, s, bus.next(20))
	ask := func() *archive.Topics {
		t.Helper()
		topics, err := s.Topics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return topics
	}
	first := ask()
	if again := ask(); first.Len() == 0 || again != first {
		t.Errorf("%d topics were read twice", first.Len())
	}
	entries := bus.next(1)
	entries[0].Topic = "org.example.prod.new.thing"
	put(t, other, entries)
	if second := ask(); second.Len() != first.Len()+1 || maps.Collect(second.All())["org.example.prod.new.thing"] != 1 {
		t.Errorf("%d topics behind %d", second.Len(), first.Len())
	}
}
