package wire

import (
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
)

// Carried is a message as another bus or node brought it: a whole envelope, or the parts of which this node makes one. Its
// slices belong to whoever hands it over.
type Carried struct {
	Envelope   []byte          // the exact bytes; nil where there are parts
	Signatures json.RawMessage // detached, beside Envelope: an array as AppendSignatures makes it, or nil
	Origin     fedmsg.Position // where another node had it; zero where none did

	Topic    string // where it came on; beside Envelope it must be the envelope's own, unless it is empty
	ID       string // empty where it came without one
	Username string // empty where it came without one
	Headers  []byte // a JSON object of strings, or nil
	Body     []byte // a JSON object
}

// Carried decodes what another bus or node brought. An envelope is read as of the old wire where that is the only way to take
// it: nodes pass on what they took by their own old doors.
func (d *Decoder) Carried(c *Carried) (Submitted, error) { panic("not built") }
