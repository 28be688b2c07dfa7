package archive

import (
	"context"
	"math"
	"slices"
)

// both is the condition of meeting all of several conditions.
type both []node

func (b both) about() int64 {
	least := int64(math.MaxInt64)
	for _, n := range b {
		least = min(least, n.about())
	}
	return least
}

func (b both) among(ctx context.Context, keys []Key) (_ []Key, err error) {
	for _, n := range b {
		if len(keys) == 0 {
			break
		}
		if keys, err = n.among(ctx, keys); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// drive goes by the rarest of the conditions and asks the others about what it finds, the rarer first.
func (b both) drive(w Window) source {
	rarest := slices.Clone(b)
	slices.SortStableFunc(rarest, func(x, y node) int {
		if x.about() < y.about() {
			return -1
		}
		return 1
	})
	return &sieve{from: rarest[0].drive(w), through: rarest[1:]}
}

// sieve lets through what meets further conditions.
type sieve struct {
	from    source
	through both
}

func (s *sieve) next(ctx context.Context, most int) (found, error) {
	f, err := s.from.next(ctx, most)
	if err != nil {
		return f, err
	}
	f.keys, err = s.through.among(ctx, f.keys)
	return f, err
}

// either is the condition of meeting one of several conditions.
type either []node

func (e either) about() int64 {
	sum := int64(0)
	for _, n := range e {
		about := n.about()
		if about > math.MaxInt64-sum {
			return math.MaxInt64
		}
		sum += about
	}
	return sum
}

func (e either) among(ctx context.Context, keys []Key) ([]Key, error) {
	meets := make(map[Key]bool, len(keys))
	left := keys
	for _, n := range e {
		some, err := n.among(ctx, left)
		if err != nil {
			return nil, err
		}
		for _, k := range some {
			meets[k] = true
		}
		left = slices.DeleteFunc(slices.Clone(left), func(k Key) bool { return meets[k] })
		if len(left) == 0 {
			return keys, nil
		}
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return !meets[k] }), nil
}

func (e either) drive(w Window) source {
	m := &merge{window: w, ask: max(2, min(firstKeys, 4*firstKeys/max(1, len(e))))}
	for _, n := range e {
		m.arms = append(m.arms, arm{source: n.drive(w), found: found{reached: w.start()}})
	}
	return m
}

// merge brings what several sources find into one order.
type merge struct {
	window Window
	arms   []arm
	ask    int // keys of the first piece of each
}

// arm is one of the sources, with what it found and the merge has not given.
type arm struct {
	found
	source source
	asked  int
}

func (m *merge) next(ctx context.Context, most int) (found, error) {
	f := found{reached: m.window.end(), done: true}
	for i := range m.arms {
		if err := m.arms[i].fill(ctx, m.ask, most); err != nil {
			return found{}, err
		}
		if a := &m.arms[i]; !a.done {
			f.done = false
			if m.window.before(a.reached, f.reached) {
				f.reached = a.reached
			}
		}
	}
	// Everything up to where the hindmost stands is known.
	for i := range m.arms {
		a := &m.arms[i]
		n, _ := slices.BinarySearchFunc(a.keys, f.reached, func(k, reached Key) int {
			if m.window.before(reached, k) {
				return 1
			}
			return -1
		})
		f.keys = append(f.keys, a.keys[:n]...)
		a.keys = a.keys[n:]
	}
	m.window.sort(f.keys)
	f.keys = slices.Compact(f.keys)
	return f, nil
}

// fill asks for more where everything was given.
func (a *arm) fill(ctx context.Context, first, most int) error {
	if len(a.keys) > 0 || a.done {
		return nil
	}
	a.asked = min(max(2*a.asked, first), most)
	f, err := a.source.next(ctx, a.asked)
	if err == nil {
		a.found = f
	}
	return err
}
