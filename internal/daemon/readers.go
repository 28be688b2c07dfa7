package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// maxReaderBytes bounds the file of one saved position.
const maxReaderBytes = 256

// savedReaders gives the saved positions of the readers, one in each file of the directory: "POSITION", or
// "POSITION hold" where retention must keep what the reader has not taken. What cannot be read is logged and holds
// everything, which health then tells: one bad file must neither stop the node nor let go of what its reader still needs.
//
// Of sinks the configuration says whether they hold, whatever their file says: one that is no longer configured holds nothing, since
// nobody will ever move its place again, and neither does one without hold whose place cannot be read, or its damage would fill the
// disk and stop every publisher. One that holds and whose place cannot be read holds everything.
func savedReaders(dir string, sinks []deliver.Config, log *slog.Logger) []commitlog.Pin {
	entries, err := os.ReadDir(dir)
	if err != nil {
		log.Warn("cannot look for saved readers; nothing is removed from the log", "directory", dir, "error", err)
		return []commitlog.Pin{{Name: "the directory of saved readers", Hold: true}}
	}
	var pins []commitlog.Pin
	for _, e := range entries {
		sink, ofSink := strings.CutPrefix(e.Name(), sinkPlace)
		if strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), ".tmp") || !ofSink && !e.Type().IsRegular() {
			continue
		}
		pin, err := savedReader(filepath.Join(dir, e.Name()))
		if err != nil {
			pin = commitlog.Pin{Name: e.Name(), Hold: true}
		}
		if ofSink { // whose runner tells of a place that cannot be read
			pin.Hold = slices.ContainsFunc(sinks, func(s deliver.Config) bool { return s.Name == sink && s.Hold })
		} else if err != nil {
			log.Warn("cannot read the saved position of a reader; nothing is removed from the log", "reader", e.Name(), "error", err)
		}
		pins = append(pins, pin)
	}
	return pins
}

func savedReader(name string) (commitlog.Pin, error) {
	info, err := os.Stat(name)
	if err != nil {
		return commitlog.Pin{}, err
	}
	if info.Size() > maxReaderBytes {
		return commitlog.Pin{}, fedmsg.Errorf(fedmsg.CodeBadPosition, "the file has %d bytes; a position has fewer than %d", info.Size(), maxReaderBytes)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return commitlog.Pin{}, err
	}
	words := strings.Fields(string(text))
	if len(words) == 0 || len(words) > 2 || slices.ContainsFunc(words[1:], func(w string) bool { return w != "hold" }) {
		return commitlog.Pin{}, fedmsg.Errorf(fedmsg.CodeBadPosition, "the file is not of the form POSITION or POSITION hold")
	}
	p, err := fedmsg.ParsePosition(words[0])
	return commitlog.Pin{Name: filepath.Base(name), Position: p, Hold: len(words) == 2}, err
}
