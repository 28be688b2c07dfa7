package nats

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// secretFile writes a file of credentials.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	try(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestLogin logs in with what each kind of server asks for, and says what is wrong where it is refused.
func TestLogin(t *testing.T) {
	t.Parallel()
	authority, err := fedmsgtest.NewAuthority(t.TempDir())
	try(t, err)
	pair := authority.IssueFor(t, "ralph")
	users := `authorization { user: "ralph", password: "pass:word" }`
	cases := []struct {
		name   string
		server fedmsgtest.NATSOptions
		scheme string
		sink   deliver.Config
		want   string // in what it says; empty is that it delivers
	}{
		{"user", fedmsgtest.NATSOptions{Config: users}, "nats://", deliver.Config{Credentials: secretFile(t, "ralph:pass:word\n")}, ""},
		{"wrong password", fedmsgtest.NATSOptions{Config: users}, "nats://", deliver.Config{Credentials: secretFile(t, "ralph:wrong\n")}, "refuses the login"},
		{"nobody", fedmsgtest.NATSOptions{Config: users}, "nats://", deliver.Config{}, "refuses the login"},
		{"token", fedmsgtest.NATSOptions{Config: `authorization { token: "opensesame" }`}, "nats://", deliver.Config{Credentials: secretFile(t, "opensesame")}, ""},
		{"TLS", fedmsgtest.NATSOptions{TLS: authority}, "nats+tls://", deliver.Config{CA: authority.File}, ""},
		{"TLS that the server asks for", fedmsgtest.NATSOptions{TLS: authority}, "nats://", deliver.Config{CA: authority.File}, ""},
		{"TLS of an unknown authority", fedmsgtest.NATSOptions{TLS: authority}, "nats+tls://", deliver.Config{}, "unknown authority"},
		{"certificate", fedmsgtest.NATSOptions{TLS: authority, Certificates: true}, "nats+tls://", deliver.Config{CA: authority.File, Certificate: pair.Certificate, Key: pair.Key}, ""},
		{"no certificate", fedmsgtest.NATSOptions{TLS: authority, Certificates: true}, "nats+tls://", deliver.Config{CA: authority.File}, "certificate"},
		{"no TLS", fedmsgtest.NATSOptions{}, "nats+tls://", deliver.Config{CA: authority.File}, "speaks no TLS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := fedmsgtest.StartNATS(t, c.server)
			c.sink.To = c.scheme + s.Addr
			r := run(t, c.sink)
			r.log.add("org.a", "", "{}")
			if c.want == "" {
				r.done(t)
				return
			}
			await(t, "it to say why", func() bool { return r.status().LastError != "" })
			if got := r.status().LastError; !strings.Contains(got, c.want) || strings.Contains(got, "wrong\"") {
				t.Errorf("it says %q; want %q in it", got, c.want)
			}
		})
	}
}
