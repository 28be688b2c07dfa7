package process

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// impatient is a node that cuts slow clients soon.
func impatient(t *testing.T) *fedmsgtest.Node {
	return fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{
		"FEDMSG_HTTP_HEADER_TIMEOUT=1s", "FEDMSG_HTTP_BODY_TIMEOUT=1s", "FEDMSG_HTTP_WRITE_TIMEOUT=1s", "FEDMSG_HTTP_STREAM_WRITE_TIMEOUT=1s",
	}})
}

// dial connects to the node's TCP listener.
func dial(t *testing.T, node *fedmsgtest.Node) net.Conn {
	t.Helper()
	u, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSlowClientsAreCut has clients that send their headers, or their body, byte by byte: the node cuts each of them, and
// serves others meanwhile.
func TestSlowClientsAreCut(t *testing.T) {
	t.Parallel()
	node := impatient(t)
	starts := []string{
		"",
		"GET /v1/log HTTP/1.1\r\nX-Slow: ",
		"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
	}
	var wg sync.WaitGroup
	errs := make([]error, 30)
	for i := range errs {
		conn := dial(t, node)
		wg.Go(func() { errs[i] = drip(conn, starts[i%len(starts)]) })
	}
	for n := range 20 {
		publish(t, node, fmt.Sprintf("meanwhile-%d", n), n)
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("client %d (%q…): %s", i, starts[i%len(starts)], err)
		}
	}
}

// drip sends start and then a byte at a time until the other side has closed.
func drip(conn net.Conn, start string) error {
	if _, err := io.WriteString(conn, start); err != nil {
		return err
	}
	closed := make(chan error, 1)
	go func() { // ends when the node cuts the connection, at the latest at the connection's deadline
		_, err := io.Copy(io.Discard, conn)
		closed <- err
	}()
	next := time.NewTicker(50 * time.Millisecond)
	defer next.Stop()
	for {
		select {
		case err := <-closed:
			if e, ok := err.(net.Error); ok && e.Timeout() {
				return fmt.Errorf("not cut within %s", patience)
			}
			return nil
		case <-next.C:
			_, _ = conn.Write([]byte("x")) // an error is seen by the reading side
		}
	}
}

// TestNeverReadingClientsAreCut has readers that never read and publishers that never read their receipts: the node cuts
// both and serves others meanwhile.
func TestNeverReadingClientsAreCut(t *testing.T) {
	t.Parallel()
	node := impatient(t)
	for n := range 40 {
		if _, err := node.Publish(t.Context(), heavy(fmt.Sprintf("big-%d", n), n, 200<<10)); err != nil {
			t.Fatal(err)
		}
	}
	var readers []net.Conn
	for range 20 {
		conn := dialUnix(t, node)
		fmt.Fprint(conn, "GET /v1/stream?after=0 HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n")
		readers = append(readers, conn)
	}
	mute := dialUnix(t, node)
	fmt.Fprint(mute, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
	var sent int
	for n := 0; ; n++ {
		line := submission(fmt.Sprintf("mute-%d", n), n)
		if _, err := fmt.Fprintf(mute, "%x\r\n%s\n\r\n", len(line)+1, line); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("a publisher that does not read was not cut within %s, after %d lines", patience, n)
			}
			break
		}
		sent += len(line)
		if sent > 1<<30 {
			t.Fatal("a publisher that does not read could send 1 GiB; its receipts are kept in memory")
		}
	}
	for i, conn := range readers {
		if err := awaitHangup(conn); err != nil {
			t.Fatalf("reader %d: %s", i, err)
		}
	}
	publish(t, node, "after-0", 0)
}

func dialUnix(t *testing.T, node *fedmsgtest.Node) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", node.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// awaitHangup waits until the other side of a unix socket has closed, without reading from it.
func awaitHangup(conn net.Conn) error {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var n int
	var pollErr error
	if err := raw.Control(func(fd uintptr) {
		for range 1000 { // interrupted by the runtime's signals
			n, pollErr = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}, int(patience.Milliseconds()))
			if pollErr != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return err
	}
	if pollErr == nil && n == 0 {
		return fmt.Errorf("not cut within %s", patience)
	}
	return pollErr
}

// TestBigBodies sends 10 MB in every way that a body can come.
func TestBigBodies(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	big := heavy("big-0", 0, 10<<20)
	if _, err := node.Publish(t.Context(), big); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge {
		t.Errorf("a message of 10 MB: %v, want %s", err, fedmsg.CodeTooLarge)
	}
	if _, err := node.Publish(t.Context(), heavy("big-1", 1, 1<<20)); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge || !strings.Contains(err.Error(), "limits.body") {
		t.Errorf("a message just over limits.body: %v, want %s and the limit's name", err, fedmsg.CodeTooLarge)
	}
	resp, err := http.Post(node.URL+"/v1/messages", "application/json", io.MultiReader(bytes.NewReader(big))) // in chunks
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode != fedmsg.CodeTooLarge.HTTPStatus() {
			t.Errorf("10 MB in chunks: %s, want %d", resp.Status, fedmsg.CodeTooLarge.HTTPStatus())
		}
	}
	var outcomes []fedmsg.Outcome
	lines := fmt.Sprintf("%s\n%s\n", submission("good-0", 0), big)
	_ = node.PublishLines(t.Context(), strings.NewReader(lines), func(_ int, o fedmsg.Outcome) { outcomes = append(outcomes, o) }) // may be cut after the second
	if len(outcomes) < 2 || outcomes[0].Err != nil || fedmsg.CodeOf(outcomes[1].Err) != fedmsg.CodeTooLarge {
		t.Errorf("a good line and one of 10 MB: %+v, want a receipt and %s", outcomes, fedmsg.CodeTooLarge)
	}
	if last := node.Log(t).Last; last != 1 {
		t.Errorf("the log holds %d entries, want 1", last)
	}
}

// TestHostileJSON sends what two parsers could read in two ways, and what could exhaust one.
func TestHostileJSON(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	body := func(msg string) string { return fmt.Sprintf(`{"topic":%q,"msg":%s}`, topic, msg) }
	cases := []struct {
		name, body string
		want       fedmsg.Code
	}{
		{"deep arrays", body(`{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`), fedmsg.CodeTooDeep},
		{"deep objects", body(strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65)), fedmsg.CodeTooDeep},
		{"never closed", body(strings.Repeat("[", 500_000)), fedmsg.CodeTooDeep},
		{"duplicate key", body(`{"a":1,"a":2}`), fedmsg.CodeDuplicateKey},
		{"duplicate key in disguise", body(`{"a":1,"\u0061":2}`), fedmsg.CodeDuplicateKey},
		{"duplicate key below", body(`{"x":[{"a":1,"b":{"c":1,"c":1}}]}`), fedmsg.CodeDuplicateKey},
		{"duplicate topic", fmt.Sprintf(`{"topic":"a.b","topic":%q,"msg":{}}`, topic), fedmsg.CodeDuplicateKey},
		{"NaN", body(`{"a":NaN}`), fedmsg.CodeBadJSON},
		{"lone surrogate", body(`{"a":"\ud800"}`), fedmsg.CodeBadJSON},
		{"not UTF-8", body("{\"a\":\"\xff\"}"), fedmsg.CodeBadJSON},
		{"cut short", `{"topic":"a.b","msg":{`, fedmsg.CodeBadJSON},
		{"two values", body(`{}`) + `{}`, fedmsg.CodeBadJSON},
		{"body is a list", body(`[1]`), fedmsg.CodeBadBody},
		{"no body", `{"topic":"a.b"}`, fedmsg.CodeBadBody},
		{"unknown key", `{"topics":"a.b","msg":{}}`, fedmsg.CodeBadEnvelope},
		{"empty word", `{"topic":"a..b","msg":{}}`, fedmsg.CodeBadTopic},
		{"escape in topic", `{"topic":"a.\u001b[31m","msg":{}}`, fedmsg.CodeBadTopic},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := node.Publish(t.Context(), []byte(c.body))
			if fedmsg.CodeOf(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if last := node.Log(t).Last; last != 0 {
		t.Errorf("%d of them were stored", last)
	}
}

// TestCrossSite sends what a browser would send from a page of another site, and from a name that was pointed at this node.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(node.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, method, path, host, origin string
		want                             int
	}{
		{"no browser", "POST", "/v1/messages", "127.0.0.1:" + port, "", 201},
		{"localhost", "POST", "/v1/messages", "localhost:" + port, "", 201},
		{"publish from another site", "POST", "/v1/messages", "127.0.0.1:" + port, "http://evil.example", 403},
		{"publish from a sandbox", "POST", "/v1/messages", "127.0.0.1:" + port, "null", 403},
		{"read from another site", "GET", "/v1/stream?after=0", "127.0.0.1:" + port, "http://evil.example", 403},
		{"look from another site", "GET", "/v1/log", "127.0.0.1:" + port, "https://evil.example", 403},
		{"rebound name publishes", "POST", "/v1/messages", "evil.example:" + port, "http://evil.example:" + port, 421},
		{"rebound name reads", "GET", "/v1/stream?after=0", "evil.example", "", 421},
		{"rebound name looks", "GET", "/v1/log", "127.0.0.1.evil.example:" + port, "", 421},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			body := submission("site-"+strings.ReplaceAll(c.name, " ", "-"), 0)
			if status := rawStatus(t, node, c.method, c.path, c.host, c.origin, body); status != c.want {
				t.Errorf("%s %s with Host %s and Origin %q: status %d, want %d", c.method, c.path, c.host, c.origin, status, c.want)
			}
		})
	}
	if last := node.Log(t).Last; last != 2 {
		t.Errorf("the log holds %d entries, want the 2 that were allowed", last)
	}
}

// rawStatus sends a request with headers as they are given and gives the status.
func rawStatus(t *testing.T, node *fedmsgtest.Node, method, path, host, origin string, body []byte) int {
	t.Helper()
	conn := dial(t, node)
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	if origin != "" {
		fmt.Fprintf(conn, "Origin: %s\r\n", origin)
	}
	if method == http.MethodPost {
		fmt.Fprintf(conn, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	} else {
		fmt.Fprint(conn, "\r\n")
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	return resp.StatusCode
}
