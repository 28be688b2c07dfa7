package fedmsgtest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestRabbitMQ starts one with everything, and shows that it comes back where it was after each kind of end.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	NeedRabbitMQ(t)
	a, err := NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := StartRabbitMQ(t, RabbitMQOptions{STOMP: true, TLS: a, Users: []string{"ralph"}, VHosts: []string{"/pubsub"}})
	greetings(t, r, a)
	out, err := r.Ctl("list_vhosts")
	if err != nil || !strings.Contains(out, "/pubsub") {
		t.Fatalf("virtual hosts %q, %v", out, err)
	}
	r.Kill9()
	if c, err := net.Dial("tcp", r.Addr); err == nil {
		c.Close()
		t.Fatal("somebody listens after Kill9")
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(); err != nil {
		t.Fatal(err)
	}
	greetings(t, r, a)
}

// greetings has each door answer the first bytes of its protocol.
func greetings(t *testing.T, r *RabbitMQ, a *Authority) {
	t.Helper()
	pem, err := os.ReadFile(a.File)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	plain := func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }
	safe := func(addr string) (net.Conn, error) { return tls.Dial("tcp", addr, &tls.Config{RootCAs: roots}) }
	for _, d := range []struct {
		addr, hello string
		until       byte
		dial        func(string) (net.Conn, error)
	}{
		{r.Addr, "AMQP\x00\x00\x09\x01", 0xce, plain},
		{r.TLSAddr, "AMQP\x00\x00\x09\x01", 0xce, safe},
		{r.STOMP, "CONNECT\naccept-version:1.2\nhost:/\nlogin:ralph\npasscode:ralph\n\n\x00", 0, plain},
		{r.STOMPTLS, "CONNECT\naccept-version:1.2\nhost:/\nlogin:ralph\npasscode:ralph\n\n\x00", 0, safe},
	} {
		c, err := d.dial(d.addr)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write([]byte(d.hello)); err != nil {
			t.Fatal(err)
		}
		got, err := bufio.NewReader(c).ReadString(d.until)
		c.Close()
		if err != nil || !strings.Contains(got, "RabbitMQ") {
			t.Errorf("%s answers %q, %v", d.addr, got, err)
		}
	}
}
