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

// Run holds a store against the model and against its contract. fresh gives a new empty target for each part.
func Run(t *testing.T, fresh func(t *testing.T) Target) { panic("not built") }
