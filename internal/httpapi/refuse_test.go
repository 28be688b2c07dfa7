package httpapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestRefusedWhileStreaming: a publisher that goes on sending sees at once why nothing is taken, and is then cut.
func TestRefusedWhileStreaming(t *testing.T) {
	ndjson := "Content-Type: application/x-ndjson\r\n"
	for _, c := range []struct {
		name, head string
		want       int
	}{
		{"nobody", "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n" + ndjson, 401},
		{"unknown token", "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n" + ndjson, 401},
		{"other site", "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n" + ndjson, 403},
		{"other host", "POST /v1/messages HTTP/1.1\r\nHost: evil.example\r\n" + ndjson, 421},
		{"media type", "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer writer\r\nContent-Type: text/plain\r\n", 415},
		{"no route", "POST /v1/message HTTP/1.1\r\nHost: localhost\r\n", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, func(_ *Config, d *Deps) { d.Dev = false })
			conn := e.dial("http")
			io.WriteString(conn, c.head+"Transfer-Encoding: chunked\r\n\r\n")
			sent := make(chan error)
			go func() { sent <- drip(conn) }()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != c.want || err != nil || codeIn(t, string(body)).HTTPStatus() != c.want || !resp.Close {
				t.Errorf("%s, close %v, %s, %v", resp.Status, resp.Close, body, err)
			}
			if err := <-sent; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection took everything: %v", err)
			}
		})
	}
}

// drip sends a message every few milliseconds until that fails.
func drip(conn net.Conn) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		<-tick.C
		if _, err := fmt.Fprintf(conn, "2\r\na\n\r\n"); err != nil {
			return err
		}
	}
	return nil
}
