package fedmsgtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/federated-messaging/fedmsg"
)

// Publish sends one message or envelope over the socket. A refusal is a *fedmsg.Error with the node's code and sentence. Any
// goroutine may call it.
func (n *Node) Publish(ctx context.Context, message []byte) (fedmsg.Receipt, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/messages", bytes.NewReader(message))
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	status, body, err := n.do(req)
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	o := ParseOutcome(body)
	if o.Err == nil && status != http.StatusCreated {
		o.Err = fmt.Errorf("a receipt came with status %d: %s", status, body)
	}
	return o.Receipt, o.Err
}

// ParseOutcome reads what the node answers to one message: a receipt, or an error, which becomes a *fedmsg.Error.
func ParseOutcome(line []byte) fedmsg.Outcome {
	var w struct {
		fedmsg.Receipt
		Error *struct {
			Code    fedmsg.Code `json:"code"`
			Message string      `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return fedmsg.Outcome{Err: fmt.Errorf("answer %q: %w", clip(line), err)}
	}
	if w.Error != nil {
		return fedmsg.Outcome{Err: &fedmsg.Error{Code: w.Error.Code, Message: w.Error.Message}}
	}
	if w.Seq == 0 {
		return fedmsg.Outcome{Err: fmt.Errorf("answer %q is neither a receipt nor an error", clip(line))}
	}
	return fedmsg.Outcome{Receipt: w.Receipt}
}

// PublishLines streams lines, each with its newline, as NDJSON over the socket and calls each with the outcome of every line
// in order, while sending goes on. It returns nil when the node has answered and ended the response; the node's death is an
// error, after each was called for all that it had answered. Any goroutine may call it.
func (n *Node) PublishLines(ctx context.Context, lines io.Reader, each func(i int, o fedmsg.Outcome)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/messages", lines)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", ndjson)
	resp, err := n.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("POST of NDJSON: status %d: %s", resp.StatusCode, body)
	}
	in := bufio.NewReader(resp.Body)
	for i := 0; ; i++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err // a line without its newline is no answer
		}
		each(i, ParseOutcome(line))
	}
}
