package archive

import (
	"context"
	"math"
)

// everything is the condition that each row meets whose topic can be wanted.
type everything struct {
	store Reader
	topic func(string) bool
}

func (e *everything) about() int64 { return math.MaxInt64 }

func (e *everything) among(_ context.Context, keys []Key) ([]Key, error) { return keys, nil }

func (e *everything) drive(w Window) source { return &heads{store: e.store, topic: e.topic, left: w} }

// heads goes through all rows and looks at their topics.
type heads struct {
	store Reader
	topic func(string) bool
	left  Window
	ask   int   // rows that are looked at for the next piece, if more than are wanted
	read  int64 // rows that were looked at
}

// mostHeads bounds the rows that are looked at for one piece.
const mostHeads = 4096

func (h *heads) next(ctx context.Context, most int) (found, error) {
	if h.left.From >= h.left.To {
		return found{reached: h.left.end(), done: true}, nil
	}
	h.ask = min(max(h.ask, most), mostHeads)
	all, err := h.store.Heads(ctx, h.left, h.ask)
	if err != nil {
		return found{}, err
	}
	h.read += int64(len(all))
	var f found
	for i := range all {
		if h.topic(all[i].Topic) {
			f.keys = append(f.keys, all[i].Key)
		}
	}
	if len(all) < h.ask {
		f.reached, f.done = h.left.end(), true
		h.left.To = h.left.From
		return f, nil
	}
	h.ask *= 2
	f.reached = all[len(all)-1].Key
	h.left = h.left.behind(f.reached)
	return f, nil
}
