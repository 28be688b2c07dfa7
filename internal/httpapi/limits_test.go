package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestSlowHeaders: a client that sends its headers byte by byte is cut when its time is over, not later.
func TestSlowHeaders(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { c.HeaderTimeout = 100 * time.Millisecond })
	c := e.dial("http")
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		io.Copy(io.Discard, c)
	}()
	io.WriteString(c, "GET /v1/log HTTP/1.1\r\nHost: localhost\r\nX-Drip: ")
	drip := time.NewTicker(10 * time.Millisecond)
	defer drip.Stop()
	for range 500 {
		select {
		case <-cut:
			return
		case <-drip.C:
			io.WriteString(c, "x")
		}
	}
	t.Error("the client could drip for 5 s")
}

// TestSlowBody: the same for the body of a plain request, with an answer that says so.
func TestSlowBody(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { c.HeaderTimeout, c.BodyTimeout = 50*time.Millisecond, 50*time.Millisecond })
	c := e.dial("http")
	io.WriteString(c, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || !strings.Contains(string(body), "http.body_timeout") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// TestHugeHeaders: headers beyond the limit are refused.
func TestHugeHeaders(t *testing.T) {
	e := startEdge(t, nil)
	c := e.dial("http")
	fmt.Fprintf(c, "GET /v1/log HTTP/1.1\r\nHost: localhost\r\nX-Huge: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(resp.Status)
	}
}

// answered reports whether a request on the connection is served; when it is not, the body of the refusal.
func answered(t *testing.T, c net.Conn) (bool, string) {
	t.Helper()
	io.WriteString(c, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false, ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode == 200, string(body)
}

// TestConnectionLimit: connections beyond the limit of all are told so, and a place that comes free can be used.
func TestConnectionLimit(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { withSocket(t, c); c.MaxConnections = 3 })
	open := []net.Conn{e.dial("http"), e.dial("unix"), e.dial("http")}
	for i, c := range open {
		if ok, _ := answered(t, c); !ok {
			t.Fatalf("connection %d was refused", i)
		}
	}
	over := e.dial("http")
	resp, err := http.ReadResponse(bufio.NewReader(over), nil) // says why before it is asked
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 503 || codeIn(t, string(body)) != fedmsg.CodeBusy || !strings.Contains(string(body), "http.max_connections;") {
		t.Errorf("%s %s", resp.Status, body)
	}
	open[0].Close()
	waitFor(t, func() bool { return e.limits.open() == 2 })
	if ok, body := answered(t, e.dial("http")); !ok {
		t.Errorf("a free place was refused: %s", body)
	}
}

// TestConnectionLimitPerAddress: one remote address cannot take all; loopback has no such limit.
func TestConnectionLimitPerAddress(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		c.MaxConnectionsPerAddress = 2
		d.Listeners = map[string]net.Listener{"wide": remoteListener{mustListen(t)}}
		c.Listen = []string{"http://0.0.0.0:1?fd=wide"}
	})
	for i := range 3 {
		if ok, body := answered(t, e.dial("http")); ok != (i < 2) {
			t.Errorf("connection %d: served %v, %s", i, ok, body)
		}
	}
	local := startEdge(t, func(c *Config, _ *Deps) { c.MaxConnectionsPerAddress = 2 })
	for i := range 5 {
		if ok, body := answered(t, local.dial("http")); !ok {
			t.Errorf("loopback connection %d: %s", i, body)
		}
	}
}

// TestConnectionLimitPerNetwork: the addresses of one IPv6 network are one client.
func TestConnectionLimitPerNetwork(t *testing.T) {
	addresses := make(chan string, 4)
	e := startEdge(t, func(c *Config, d *Deps) {
		c.MaxConnectionsPerAddress = 2
		d.Listeners = map[string]net.Listener{"wide": roamingListener{mustListen(t), addresses}}
		c.Listen = []string{"http://0.0.0.0:1?fd=wide"}
	})
	for _, c := range []struct {
		address string
		served  bool
	}{{"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8::3", false}, {"2001:db8:0:1::1", true}} {
		addresses <- c.address
		if ok, body := answered(t, e.dial("http")); ok != c.served {
			t.Errorf("%s: served %v, %s", c.address, ok, body)
		}
	}
}

// waitFor waits for what another goroutine does soon.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Fatal("waited in vain")
}
