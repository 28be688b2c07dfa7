package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// defaultWait is how long Wait waits unless it says so itself.
const defaultWait = 5 * time.Second

// Wait says what a publisher waits for beyond a message's being on disk.
type Wait struct {
	Sinks   []string      // names of sinks of the node, at least one
	Timeout time.Duration // at most so long; 0 means 5 s
}

// PublishAndWait sends m and returns when each of the sinks named is done with it, or the time of w is over. A nil error says that
// the message is durable; how far each sink is, the deliveries say. Errors are those of [Client.PublishMessage], and
// [fedmsg.CodeNotFound] for a sink that the node does not have: nothing is stored then. The spool takes no such message, as what is
// in it nobody waits for.
func (c *Client) PublishAndWait(ctx context.Context, m fedmsg.Message, w Wait) (fedmsg.Receipt, []fedmsg.Delivery, error) {
	if w.Timeout <= 0 {
		w.Timeout = defaultWait
	}
	d, err := c.draft(&m)
	if err != nil {
		return fedmsg.Receipt{}, nil, err
	}
	line, err := c.line(ctx, &d)
	if err != nil {
		return fedmsg.Receipt{ID: d.ID}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout+w.Timeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	p := poster{c: c}
	defer p.close()
	query := url.Values{"wait": {strings.Join(w.Sinks, ",")}, "timeout": {w.Timeout.String()}}
	fields := "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(line)) + "\r\n"
	body, err := p.do(ctx, "POST", "/v1/messages?"+query.Encode(), fields, line)
	if err != nil {
		return fedmsg.Receipt{ID: d.ID}, nil, err
	}
	var answer struct {
		fedmsg.Receipt
		Sinks []fedmsg.Delivery `json:"sinks"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.ID == "" || answer.Sinks == nil {
		return fedmsg.Receipt{ID: d.ID}, nil, fedmsg.WrapError(fedmsg.CodeTimeout, err, "the answer of %s cannot be read, so that the outcome is unknown; it is perhaps an older node, which knows no sinks", p.e.uri)
	}
	return answer.Receipt, answer.Sinks, nil
}

// line makes of d the line that is sent, signed where this client signs.
func (c *Client) line(ctx context.Context, d *outgoing) ([]byte, error) {
	b := &c.box
	b.mu.Lock()
	defer b.mu.Unlock()
	sealed, err := c.sealLocked(ctx, d)
	if err != nil {
		return nil, err
	}
	if sealed {
		defer c.signer.leave()
	}
	return b.encode(nil, d), nil
}
