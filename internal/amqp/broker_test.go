package amqp

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// secretFile writes a file of credentials.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	try(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// address makes an address with options.
func address(scheme, host, vhost string, options ...string) string {
	q := url.Values{}
	for i := 0; i < len(options); i += 2 {
		q.Set(options[i], options[i+1])
	}
	return scheme + "://" + host + "/" + vhost + "?" + q.Encode()
}

// TestLogins logs in each way, and says what is wrong where it is refused.
func TestLogins(t *testing.T) {
	r := theServer(t)
	ralph, err := shared.authority.Issue("ralph")
	try(t, err)
	stranger, err := shared.authority.Issue("stranger")
	try(t, err)
	ca := shared.authority.File
	for _, c := range []struct {
		name string
		sink deliver.Config
		want string // in what it says; empty is that it opens
	}{
		{"guest", deliver.Config{To: address("amqp", r.Addr, "")}, ""},
		{"credentials", deliver.Config{To: address("amqp", r.Addr, ""), Credentials: secretFile(t, "ralph:ralph\n")}, ""},
		{"wrong password", deliver.Config{To: address("amqp", r.Addr, ""), Credentials: secretFile(t, "ralph:secret\n")}, "look at user, password"},
		{"no password", deliver.Config{To: address("amqp", "ralph@"+r.Addr, "")}, "look at user, password"},
		{"TLS", deliver.Config{To: address("amqps", "guest@"+r.TLSAddr, ""), CA: ca}, ""},
		{"an unknown authority", deliver.Config{To: address("amqps", "guest@"+r.TLSAddr, "")}, "unknown authority"},
		{"EXTERNAL", deliver.Config{To: address("amqps", r.TLSAddr, ""), CA: ca, Certificate: ralph.Certificate, Key: ralph.Key}, ""},
		{"EXTERNAL, asked for", deliver.Config{To: address("amqps", r.TLSAddr, "", "auth", "external"), CA: ca, Certificate: ralph.Certificate, Key: ralph.Key}, ""},
		{"a certificate that is nobody's", deliver.Config{To: address("amqps", r.TLSAddr, ""), CA: ca, Certificate: stranger.Certificate, Key: stranger.Key}, "look at user, password"},
		{"TLS where none is", deliver.Config{To: address("amqps", "guest@"+r.Addr, ""), CA: ca}, "tls"},
		{"no TLS where it is", deliver.Config{To: address("amqp", r.TLSAddr, "")}, "cannot use"},
		{"no virtual host", deliver.Config{To: address("amqp", r.Addr, "nowhere")}, "nowhere"},
		{"nobody there", deliver.Config{To: "amqp://127.0.0.1:1/"}, "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.sink.Name = "it"
			openSink(t, c.sink, c.want)
		})
	}
}

// openSink opens a session and closes it, or wants an error.
func openSink(t *testing.T, c deliver.Config, want string) {
	t.Helper()
	sink, err := NewSink(c, nil)
	try(t, err)
	session, err := sink.Open(t.Context(), &deliver.Answers{})
	switch {
	case want == "" && err != nil:
		t.Errorf("it says %v", err)
	case want != "" && err == nil:
		t.Errorf("it opens; it should say %q", want)
	case err == nil:
		try(t, session.Close())
	case want == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret"):
		t.Errorf("it says %q, want %q", err, want)
	}
}

// TestTopology makes what is missing, or says what is.
func TestTopology(t *testing.T) {
	r := theServer(t)
	ch := channelOf(t, r.Addr)
	there, fanout, made := unique(t), unique(t), unique(t)
	try(t, ch.ExchangeDeclare(there, "topic", true, false, false, false, nil))
	try(t, ch.ExchangeDeclare(fanout, "fanout", true, false, false, false, nil))
	nobody := secretFile(t, "nobody:nobody")
	for _, c := range []struct {
		name, credentials, want string
		options                 []string
	}{
		{"what is there", "", "", []string{"exchange", there}},
		{"what is of another kind", "", "use topology=passive", []string{"exchange", fanout}},
		{"what is of another kind, passively", "", "", []string{"exchange", fanout, "topology", "passive"}},
		{"what is of this kind", "", "", []string{"exchange", fanout, "exchange_type", "fanout"}},
		{"what is missing, passively", "", "use topology=declare", []string{"exchange", made, "topology", "passive"}},
		{"what is missing, unseen", "", "", []string{"exchange", made, "topology", "none"}},
		{"what nobody may make", nobody, "give this node's user the right", []string{"exchange", made}},
		{"what nobody need make", nobody, "", []string{"exchange", there, "topology", "passive"}},
		{"what every server has", nobody, "", nil},
		{"what is missing", "", "", []string{"exchange", made}},
		{"the default exchange", "", "", []string{"exchange", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			openSink(t, deliver.Config{Name: "it", To: address("amqp", r.Addr, "", c.options...), Credentials: c.credentials}, c.want)
		})
	}
	try(t, channelOf(t, r.Addr).ExchangeDeclarePassive(made, "topic", true, false, false, false, nil))
}

// TestConnectionMemory holds what an idle connection costs, and that nothing is left of it. It counts what the process has.
func TestConnectionMemory(t *testing.T) {
	r := theServer(t)
	sink, err := NewSink(deliver.Config{Name: "it", To: address("amqp", r.Addr, "")}, nil)
	try(t, err)
	const n = 50
	before, goroutines := memory(), runtime.NumGoroutine()
	var all []deliver.Session
	for range n {
		s, err := sink.Open(t.Context(), &deliver.Answers{})
		try(t, err)
		all = append(all, s)
	}
	each := (memory() - before) / n
	t.Logf("an idle connection has %d bytes", each)
	if each > 50<<10 {
		t.Errorf("an idle connection has %d bytes", each)
	}
	for _, s := range all {
		try(t, s.Close())
	}
	await(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if left := (memory() - before) / n; left > 16<<10 {
		t.Errorf("%d bytes are left of each connection", left)
	}
}

// memory is what the process uses.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestOpenIsCut returns soon where the end of the context comes while the server is silent.
func TestOpenIsCut(t *testing.T) {
	r := theServer(t)
	try(t, r.Pause())
	defer func() { try(t, r.Resume()) }()
	sink, err := NewSink(deliver.Config{Name: "it", To: address("amqp", r.Addr, "")}, nil)
	try(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan error, 1)
	go func() { // ends with Open, which the test waits for
		_, err := sink.Open(ctx, &deliver.Answers{})
		opened <- err
	}()
	await(t, "it to wait for the server", func() bool {
		buf := make([]byte, 1<<20)
		return strings.Contains(string(buf[:runtime.Stack(buf, true)]), "openStart")
	})
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) { // its own time is over later, with another error
		t.Error(err)
	}
}
