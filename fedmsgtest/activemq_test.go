package fedmsgtest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestActiveMQ starts one with everything, and shows that it comes back with what it has on disk after each kind of end.
func TestActiveMQ(t *testing.T) {
	t.Parallel()
	NeedActiveMQ(t)
	authority, err := NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := StartActiveMQ(t, ActiveMQOptions{Persistent: true, TLS: authority, Elements: []string{
		`<plugins><simpleAuthenticationPlugin><users><authenticationUser username="ralph" password="secret" groups="all"/></users></simpleAuthenticationPlugin></plugins>`,
	}})
	stompSay(t, a.STOMP, nil, "ralph", "SEND\ndestination:/queue/kept\npersistent:true\nreceipt:1\n\nfirst\x00", "RECEIPT")
	a.Kill9()
	if c, err := net.Dial("tcp", a.STOMP); err == nil {
		c.Close()
		t.Fatal("somebody listens after Kill9")
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	stompSay(t, a.TLSAddr, authority, "ralph", "SEND\ndestination:/queue/kept\npersistent:true\nreceipt:1\n\nsecond\x00", "RECEIPT")
	if err := a.Restart(); err != nil {
		t.Fatal(err)
	}
	got := stompSay(t, a.STOMP, nil, "ralph", "SUBSCRIBE\nid:1\ndestination:/queue/kept\n\n\x00", "MESSAGE")
	if !strings.HasSuffix(got, "\nfirst\x00") {
		t.Errorf("the first of the queue is %q", got)
	}
	stompSay(t, a.STOMP, nil, "nobody", "", "ERROR")
}

// stompSay says a frame as a user, over TLS where there is an authority, and gives the answer, which has that command.
func stompSay(t *testing.T, addr string, authority *Authority, user, frame, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if authority != nil {
		pem, err := os.ReadFile(authority.File)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		c = tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	}
	fmt.Fprintf(c, "CONNECT\naccept-version:1.2\nhost:/\nlogin:%s\npasscode:secret\n\n\x00%s", user, frame)
	r := bufio.NewReader(c)
	for {
		got, err := r.ReadString(0)
		if err != nil {
			t.Fatalf("%s answers %q, %v", addr, got, err)
		}
		if got = strings.TrimLeft(got, "\n"); strings.HasPrefix(got, command+"\n") {
			return got
		}
		if !strings.HasPrefix(got, "CONNECTED\n") {
			t.Fatalf("%s answers %q", addr, got)
		}
	}
}
