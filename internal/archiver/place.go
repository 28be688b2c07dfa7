package archiver

import (
	"os"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/place"
)

// openPlace opens the file that tells retention what the archive has. The store knows better than the file, which only says that
// nothing may go yet, so that one that cannot be understood is written anew. Where there is none everything is held, until the store
// says more.
func (a *Archiver) openPlace() error {
	file, err := place.Open(a.deps.Place, true)
	if fedmsg.CodeOf(err) == fedmsg.CodeBadPosition {
		a.deps.Logger.Warn("the saved place of the archive is damaged; it is written anew, since the archive itself knows what it has", "error", err)
		if err = os.Remove(a.deps.Place); err == nil {
			file, err = place.Open(a.deps.Place, true)
		}
	}
	if err != nil {
		return err
	}
	a.place = file
	if file.Position().IsZero() {
		return file.Save(a.at(0))
	}
	return nil
}

// save tells retention that the archive has everything up to the entry with this number. Where that fails retention keeps more than it
// has to.
func (a *Archiver) save(seq uint64) {
	err := a.place.Save(a.at(seq))
	if err != nil && !a.unplaced {
		a.deps.Logger.Warn("the place of the archive cannot be saved; retention keeps what is behind the one before", "error", err)
	}
	a.unplaced = err != nil
}
