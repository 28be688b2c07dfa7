package deliver

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestWindowModel does with a window and with a plain list the same things in random order.
func TestWindowModel(t *testing.T) {
	type plain struct {
		seq  uint64
		fate fate
	}
	rnd := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		var w window
		var model []plain
		seq := uint64(rnd.IntN(100))
		for range 400 {
			switch rnd.IntN(5) {
			case 0, 1:
				seq += 1 + uint64(rnd.IntN(3))*uint64(rnd.IntN(2)) // some are left out
				f := []fate{sent, sent, sent, settled, kept}[rnd.IntN(5)]
				if f == settled && len(model) == 0 {
					f = sent
				}
				w.push(&fedmsg.Entry{Position: at(seq), Envelope: make([]byte, seq%7)}, f)
				model = append(model, plain{seq, f})
			case 2, 3:
				ask := seq - min(seq, uint64(rnd.IntN(60))) + uint64(rnd.IntN(3))
				it := w.find(ask)
				i := slices.IndexFunc(model, func(p plain) bool { return p.seq == ask })
				if (it == nil) != (i < 0) || it != nil && (it.entry.Position.Seq != ask || it.fate != model[i].fate) {
					t.Fatalf("entry %d: %+v, index %d", ask, it, i)
				}
				if it == nil || it.fate == settled {
					continue
				}
				if it.fate == sent && rnd.IntN(4) == 0 {
					w.spoil(it, nil)
					model[i].fate = bad
				} else {
					w.settle(it)
					model[i].fate = settled
				}
			case 4:
				last, want := w.pop(), uint64(0)
				for len(model) > 0 && model[0].fate == settled {
					want, model = model[0].seq, model[1:]
				}
				if last != want {
					t.Fatalf("popped up to %d, want %d", last, want)
				}
			}
			open, spoiled, bytes := 0, 0, 0
			for i, p := range model {
				if w.at(i).entry.Position.Seq != p.seq {
					t.Fatalf("at %d is %d, want %d", i, w.at(i).entry.Position.Seq, p.seq)
				}
				bytes += int(p.seq % 7)
				switch p.fate {
				case sent:
					open++
				case bad:
					spoiled++
				}
			}
			if w.n != len(model) || w.open != open || w.bad != spoiled || w.bytes != bytes {
				t.Fatalf("%d entries, %d open, %d bad, %d bytes; want %d, %d, %d, %d", w.n, w.open, w.bad, w.bytes, len(model), open, spoiled, bytes)
			}
		}
	}
}
