package zeromq

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// maxHeard bounds the services that are remembered, and with them the file.
const maxHeard = 16384

// heard remembers for each service of the mesh that numbers its messages up to which number their fate is decided, so that a
// node that starts again asks for what it missed. It is kept in one small file. What is not saved at a crash is asked for again
// and found to be there already. Its methods may be called by several goroutines at once.
type heard struct {
	path string

	mu    sync.Mutex
	last  map[string]map[string]uint64 // by source and service; guarded by mu
	dirty bool                         // since the last save; guarded by mu

	saving sync.Mutex // held while the file is written
}

// openHeard reads the file, which need not be there. One that cannot be understood is refused: without it messages would be
// missed in silence.
func openHeard(path string) (*heard, error) {
	h := &heard{path: path, last: map[string]map[string]uint64{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &h.last)
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read up to where the mesh was heard, in %s; restore the file, or remove it to listen from now on", path)
	}
	if h.last == nil {
		h.last = map[string]map[string]uint64{}
	}
	return h, nil
}

// after gives up to where each service of a source was heard.
func (h *heard) after(source string) map[string]uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.last[source])
}

// note takes note of a number whose fate is decided, and that of all before it.
func (h *heard) note(source, service string, n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	services := h.last[source]
	if services == nil {
		services = map[string]uint64{}
		h.last[source] = services
	}
	if _, known := services[service]; !known && len(services) >= maxHeard {
		return
	}
	if services[service] != n {
		services[service], h.dirty = n, true
	}
}

// save writes what changed.
func (h *heard) save() error {
	h.saving.Lock()
	defer h.saving.Unlock()
	h.mu.Lock()
	dirty := h.dirty
	h.dirty = false
	text, err := json.MarshalIndent(h.last, "", " ")
	h.mu.Unlock()
	if !dirty {
		return nil
	}
	if err == nil {
		err = durable.WriteFile(durable.OS{}, h.path, append(text, '\n'), 0o600)
	}
	if err != nil {
		h.mu.Lock()
		h.dirty = true
		h.mu.Unlock()
	}
	return err
}
