package client

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// maxErrorBody bounds what is read of an answer that is an error.
const maxErrorBody = 64 << 10

// maxAnswer bounds the body of an answer that is no stream.
const maxAnswer = 1 << 20

// The client speaks HTTP/1.1 on its own connections: a stream that is written and read at once, in whole batches, needs none
// of what http.Transport adds, and a command that sends one message has no time for it.

// head gives the first lines of a request. fields are whole header lines, each with its line end.
func (c *Client) head(e endpoint, method, path, fields string) []byte {
	b := make([]byte, 0, 512)
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, e.base...)
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, e.host...)
	b = append(b, "\r\nUser-Agent: fedmsg\r\n"...)
	if c.o.Token != "" {
		b = append(b, "Authorization: Bearer "...)
		b = append(b, c.o.Token...)
		b = append(b, "\r\n"...)
	}
	b = append(b, fields...)
	return append(b, "\r\n"...)
}

// readAnswer reads the head of the answer to a request that began then. An answer outside 2xx is an error with the node's
// code.
func readAnswer(br *bufio.Reader, method string, began time.Time) (*http.Response, error) {
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	for err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(br, &http.Request{Method: method})
	}
	if err != nil {
		return nil, lost(began, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err := answeredError(body); err != nil {
		return resp, err
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the node's answer was cut off")
	}
	code := fedmsg.CodeInternal
	if resp.StatusCode/100 == 5 {
		code = fedmsg.CodeUnavailable
	}
	return nil, fedmsg.Errorf(code, "the node answered %s and is perhaps no fedmsg node", resp.Status)
}

// answeredError gives the error that a node wrote as {"error":{"code","message"}}, or nil if b is something else.
func answeredError(b []byte) error {
	var w struct {
		Error *struct {
			Code    fedmsg.Code `json:"code"`
			Message string      `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(b, &w) != nil || w.Error == nil {
		return nil
	}
	if w.Error.Code == "" {
		w.Error.Code = fedmsg.CodeInternal
	}
	return fedmsg.Errorf(w.Error.Code, "%s", w.Error.Message)
}

// poster sends requests one after the other on one connection, which it opens when it needs it. It belongs to one goroutine.
type poster struct {
	c    *Client
	conn net.Conn // nil when there is none
	e    endpoint
	br   *bufio.Reader
	most int64 // bytes of an answer; 0 means maxAnswer
}

func (p *poster) close() {
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
	}
}

// spooledPath is where spooled messages go: a signed one may be older there than one that comes live.
const spooledPath = "/v1/messages?replaying=1"

// post sends one spooled envelope and returns when it is durable.
func (p *poster) post(ctx context.Context, envelope []byte) (fedmsg.Receipt, error) {
	fields := "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(envelope)) + "\r\n"
	body, err := p.do(ctx, "POST", spooledPath, fields, envelope)
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	var parser replyParser
	r, err := parser.parse(bytes.TrimSpace(body))
	if err != nil {
		return fedmsg.Receipt{}, fedmsg.WrapError(fedmsg.CodeTimeout, err, "the node's receipt cannot be read, so that the outcome is unknown")
	}
	return r.receipt, r.err
}

// postSpooled sends a batch of spooled envelopes in one request and gives the node's answers, as far as they came.
func (p *poster) postSpooled(ctx context.Context, files []spool.File) []error {
	ctx, cancel := context.WithTimeout(ctx, p.c.o.Timeout)
	defer cancel()
	if len(files) == 1 || !oneLine(files[0].Envelope) {
		_, err := p.post(ctx, files[0].Envelope)
		return []error{err}
	}
	var body []byte
	for _, f := range files {
		if !oneLine(f.Envelope) {
			break // it goes alone
		}
		body = append(append(body, f.Envelope...), '\n')
	}
	fields := "Content-Type: application/x-ndjson\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	answer, err := p.do(ctx, "POST", spooledPath, fields, body)
	if err != nil {
		if !fedmsg.CodeOf(err).Retryable() { // the request was refused as a whole; which message is at fault shows alone
			_, err = p.post(ctx, files[0].Envelope)
		}
		return []error{err}
	}
	var errs []error
	var parser replyParser
	for line := range bytes.Lines(answer) {
		r, err := parser.parse(bytes.TrimSpace(line))
		if errs = append(errs, errors.Join(err, r.err)); err != nil {
			break // whatever answers is no node; what is not confirmed stays
		}
	}
	if len(errs) == 0 || len(errs) > len(files) {
		return []error{fedmsg.Errorf(fedmsg.CodeTimeout, "the node did not answer for %d spooled messages; they are sent again", len(files))}
	}
	return errs
}

// oneLine reports whether an envelope is what a line of a stream may be: a node passes over empty ones without an answer.
func oneLine(envelope []byte) bool {
	return bytes.IndexByte(envelope, '\n') < 0 && len(bytes.TrimSpace(envelope)) > 0
}

// do sends a request and gives the body of the answer, which must be small.
func (p *poster) do(ctx context.Context, method, path, fields string, body []byte) ([]byte, error) {
	if p.conn == nil {
		conn, e, err := p.c.dial(ctx)
		if err != nil {
			return nil, err
		}
		p.conn, p.e, p.br = conn, e, bufio.NewReader(conn)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(p.c.o.Timeout)
	}
	began := time.Now()
	p.conn.SetDeadline(deadline)
	conn := p.conn
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := p.conn.Write(append(p.c.head(p.e, method, path, fields), body...)); err != nil {
		p.close()
		if timedOut(err) {
			return nil, p.silent(began, err)
		}
		return nil, fedmsg.WrapError(fedmsg.CodeTimeout, err, "the connection to %s broke; the outcome is unknown", p.e.uri)
	}
	resp, err := readAnswer(p.br, method, began)
	if err == nil {
		most := cmp.Or(p.most, maxAnswer)
		body, err = io.ReadAll(io.LimitReader(resp.Body, most+1))
		if err == nil && int64(len(body)) > most {
			err = fmt.Errorf("the answer has more than %d bytes", most)
		}
		if err != nil {
			p.close() // the rest of this answer would be taken for the next one
			err = fedmsg.WrapError(fedmsg.CodeTimeout, err, "the answer of %s cannot be read; the outcome is unknown", p.e.uri)
		}
	}
	if resp == nil || resp.Close {
		p.close()
	}
	if err != nil && (timedOut(err) || ctx.Err() != nil) {
		return nil, p.silent(began, err)
	}
	return body, err
}

// silent says that the time for an answer is over, so that the outcome is unknown.
func (p *poster) silent(began time.Time, inside error) error {
	return fedmsg.WrapError(fedmsg.CodeTimeout, inside, "the node at %s did not answer within %s; see whether it hangs, or give it more time", p.e.uri, round(time.Since(began)))
}
