package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// change is the file that says what a sink wants, and up to where it was asked for something else: of what stands there nobody knows
// whether it was wanted then.
type change struct {
	Filter string `json:"filter"` // a hash of what the sink wants
	UpTo   uint64 `json:"up_to"`  // entries up to this one went by another filter; 0 without any
}

func (r *runner) changeFile() string { return filepath.Join(r.dir, "filter") }

// noteChange looks whether the filter is another one than when the sink went up to its place. Where that is not known it may be.
func (r *runner) noteChange(isNew bool, place uint64) {
	was, now := change{}, change{Filter: r.cfg.hash()}
	data, err := os.ReadFile(r.changeFile())
	if err == nil {
		err = json.Unmarshal(data, &was)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.logger.Warn("what a sink wanted before is damaged or cannot be read; of what is behind it, it is not known whether that was delivered", "file", r.changeFile(), "error", err)
	}
	switch {
	case isNew: // what was before is told of as skipped
	case err == nil && was.Filter == now.Filter:
		r.change = was
		return
	default:
		now.UpTo = place
	}
	r.changed(now)
}

// changed keeps a change. One that cannot be written is found again at the next start.
func (r *runner) changed(c change) {
	r.mu.Lock()
	r.change = c
	r.mu.Unlock()
	data, err := json.Marshal(c)
	if err == nil {
		err = durable.WriteFile(durable.OS{}, r.changeFile(), append(data, '\n'), 0o600)
	}
	if err != nil {
		r.logger.Warn("cannot write down what a sink wants", "error", err)
	}
}

// passesAgain takes note that what stands behind a place is looked at with the present filter, be it again.
func (r *runner) passesAgain(place uint64) {
	if c := r.change; c.UpTo > place {
		c.UpTo = place
		r.changed(c)
	}
}

// hash is the same for two configurations that want the same, whatever the order in which they say so.
func (c *Config) hash() string {
	want := struct {
		Topics, Prefixes, Senders, Signers []string
		Where                              string
	}{nil, slices.Sorted(slices.Values(c.Prefixes)), slices.Sorted(slices.Values(c.Senders)), slices.Sorted(slices.Values(c.Signers)), c.Where}
	for _, p := range c.Topics {
		want.Topics = append(want.Topics, p.String())
	}
	slices.Sort(want.Topics)
	text, err := json.Marshal(want)
	if err != nil {
		return "" // strings have a form in JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
