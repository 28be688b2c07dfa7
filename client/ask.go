package client

import (
	"context"
	"fmt"
)

// maxAsked bounds an answer that nobody but the caller reads: a dead letter has a whole message in base64.
const maxAsked = 64 << 20

// Request asks the node by a route of docs/http.md that has no body and one short answer, as in Request(ctx, "GET", "/v1/sinks"),
// and gives the answer. One outside 2xx is an error with the node's code. The deadline of ctx bounds it, else Options.Timeout.
func (c *Client) Request(ctx context.Context, method, path string) ([]byte, error) {
	p := poster{c: c, most: maxAsked}
	defer p.close()
	fields := ""
	if method != "GET" {
		fields = "Content-Length: 0\r\n"
	}
	return p.do(ctx, method, path, fields, nil)
}

// Send is Request with a body of a media type, as in Send(ctx, "POST", "/v1/archive/import", "application/x-ndjson", lines).
func (c *Client) Send(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	p := poster{c: c, most: maxAsked}
	defer p.close()
	return p.do(ctx, method, path, fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n", kind, len(body)), body)
}
