// Package archivetest holds what every store of the archive must do, and a store in memory that is short enough to be believed.
package archivetest

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Target is a store under test.
type Target struct {
	// Open opens a store on the same files or database each time it is called in one test; the one before is closed.
	Open func(t *testing.T) archive.Store
}

// Run holds a store against the model and against its contract. fresh gives a new empty target for each part. The parts run side
// by side.
func Run(t *testing.T, fresh func(t *testing.T) Target) {
	part := func(name string, run func(r *rig)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, fresh(t))
			defer r.close()
			run(r)
		})
	}
	part("keys", keys)
	part("rows come back to the byte", rowsComeBack)
	part("known ids are left out", knownIDs)
	part("positions", positions)
	part("a batch is all or nothing", allOrNothing)
	part("finds in order", findsInOrder)
	part("finds without an end", findsWithoutEnd)
	part("counts and topics", countsAndTopics)
	part("series", series)
	part("redacts", redacts)
	part("takes what was redacted before", takesRedacted)
	part("reindexes", reindexes)
	part("ends with its context", endsWithContext)
	part("reads while it writes", readsWhileItWrites)
	part("pages while it writes", pagesWhileItWrites)
	part("answers as the model does", answersAsModel)
}
