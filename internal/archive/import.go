package archive

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
)

// Drafts works out what entries are found by, on all processors.
func Drafts(entries []fedmsg.Entry) []Draft {
	drafts := make([]Draft, len(entries))
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(entries)) {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(entries)); i = next.Add(1) - 1 {
				drafts[i] = DraftOf(&entries[i])
			}
		})
	}
	working.Wait()
	return drafts
}

// Import puts messages that were saved elsewhere into a store, each of which goes to its own time. Known ones are left out. An entry of
// a log that the store has keeps its position; of any other its position becomes where it comes from. It changes the drafts.
func Import(ctx context.Context, w Writer, drafts []Draft) (Appended, error) {
	own := make(map[fedmsg.LogID]bool)
	for i := range drafts {
		e := &drafts[i].Entry
		if e.Position.IsZero() {
			continue
		}
		is, asked := own[e.Position.Log]
		if !asked {
			at, err := w.Position(ctx, e.Position.Log)
			if err != nil {
				return Appended{}, err
			}
			is = !at.IsZero()
			own[e.Position.Log] = is
		}
		if is {
			continue
		}
		if e.Origin.IsZero() {
			e.Origin = e.Position
		}
		e.Position = fedmsg.Position{}
	}
	return w.Append(ctx, drafts, fedmsg.Position{})
}
