package archive

import (
	"context"
	"math"
)

// text is the condition of having words. Of the full text nobody knows beforehand how many rows have them.
type text struct {
	store Reader
	words []string
	count int64
	first []Key  // what was found at the beginning of the window
	at    Window // that it was found in
	known bool
}

// textSample is how many rows are looked up to learn how rare words are.
const textSample = 64

func (t *text) about() int64 { return t.count }

// among cannot tell: what has the words is seen when the rows are there.
func (t *text) among(_ context.Context, keys []Key) ([]Key, error) { return keys, nil }

func (t *text) drive(w Window) source {
	first := t.known && w == t.at
	return &walk{left: w, ask: func(ctx context.Context, w Window, most int) ([]Key, error) {
		if first {
			first = false
			if len(t.first) < textSample || len(t.first) >= most {
				return t.first[:min(most, len(t.first))], nil
			}
		}
		return t.store.Words(ctx, t.words, w, most)
	}}
}

// probe learns how rare the words are, from how far their first rows reach.
func (t *text) probe(ctx context.Context, w Window) (err error) {
	if t.first, err = t.store.Words(ctx, t.words, w, textSample); err != nil {
		return err
	}
	t.at, t.known = w, true
	t.count = int64(len(t.first))
	if len(t.first) < textSample {
		return nil
	}
	oldest, err := t.store.Heads(ctx, Window{From: w.From, To: w.To}, 1) // cheaper than the extent, which has the store measure its files
	if err != nil {
		return err
	}
	from, last := w.From, t.first[textSample-1]
	if len(oldest) > 0 {
		from = oldest[0].Key
	}
	covered := w.To - last
	if !w.Newest {
		covered = last - from + 1
	}
	t.count = int64(min(textSample*float64(w.To-from)/float64(max(1, covered)), math.MaxInt64/2))
	return nil
}
