package archive

import (
	"context"
	"slices"
)

// node is a condition on rows that a store can find rows by. What it finds holds every wanted row, and others.
type node interface {
	// drive finds rows through a window.
	drive(w Window) source
	// among gives those of the keys whose rows may meet the condition, in their order.
	among(ctx context.Context, keys []Key) ([]Key, error)
	// about is how many rows meet the condition, more or less.
	about() int64
}

// source gives the keys of rows in the order of its window, piece by piece. It is one goroutine's.
type source interface {
	// next goes on behind what was given before, with most keys or so.
	next(ctx context.Context, most int) (found, error)
}

// found is a piece of what a source finds.
type found struct {
	keys    []Key
	reached Key  // every row of the condition up to this key, in the order of the window, was given
	done    bool // there are no more
}

// exact is the condition of having a term.
type exact struct {
	store Reader
	term  Term
	count int64
}

func (e *exact) about() int64 { return e.count }

func (e *exact) among(ctx context.Context, keys []Key) ([]Key, error) {
	return e.store.Among(ctx, e.term, keys)
}

func (e *exact) drive(w Window) source {
	return &walk{left: w, ask: func(ctx context.Context, w Window, most int) ([]Key, error) {
		return e.store.Keys(ctx, e.term, w, most)
	}}
}

// walk goes through a window by one question to the store that gives keys in order.
type walk struct {
	left Window
	ask  func(ctx context.Context, w Window, most int) ([]Key, error)
}

func (k *walk) next(ctx context.Context, most int) (found, error) {
	if k.left.From >= k.left.To {
		return found{reached: k.left.end(), done: true}, nil
	}
	keys, err := k.ask(ctx, k.left, most)
	if err != nil {
		return found{}, err
	}
	if len(keys) < most {
		f := found{keys: keys, reached: k.left.end(), done: true}
		k.left.To = k.left.From
		return f, nil
	}
	last := keys[len(keys)-1]
	k.left = k.left.behind(last)
	return found{keys: keys, reached: last}, nil
}

// list is the condition of being one of few rows that are known by their keys.
type list []Key

func (l list) about() int64 { return int64(len(l)) }

func (l list) among(_ context.Context, keys []Key) ([]Key, error) {
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return !slices.Contains(l, k) }), nil
}

func (l list) drive(w Window) source {
	return &walk{left: w, ask: func(_ context.Context, w Window, most int) ([]Key, error) {
		keys := slices.DeleteFunc(slices.Clone(l), func(k Key) bool { return k < w.From || k >= w.To })
		w.sort(keys)
		return keys[:min(most, len(keys))], nil
	}}
}

// sort puts keys in the order of the window.
func (w Window) sort(keys []Key) {
	slices.Sort(keys)
	if w.Newest {
		slices.Reverse(keys)
	}
}
