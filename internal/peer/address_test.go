package peer

import (
	"io"
	stdlog "log"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

func TestAddresses(t *testing.T) {
	certificate := deliver.Config{Certificate: "c.pem", Key: "k.pem"}
	for _, c := range []struct {
		to     string
		config deliver.Config
		fault  string // part of it; empty for none
	}{
		{to: "https://node.example.org"},
		{to: "https://node.example.org:8443/bus/"},
		{to: "https://node.example.org", config: certificate},
		{to: "http://127.0.0.1:8940"},
		{to: "http://[::1]:8940"},
		{to: "http://localhost:8940"},
		{to: "unix:///run/fedmsg/fedmsg.sock"},
		{to: "http://node.example.org?insecure_plain_http=yes"},
		{to: "http://node.example.org", fault: "insecure_plain_http=yes"},
		{to: "http://node.example.org?insecure_plain_http=no", fault: "use https"},
		{to: "http://node.example.org?insecure_plain_http=1", fault: "yes or no"},
		{to: "http://127.0.0.1:8940", config: certificate, fault: "only over https"},
		{to: "https://node.example.org", config: deliver.Config{Key: "k.pem"}, fault: "go together"},
		{to: "https://somebody@node.example.org", fault: "has a user"},
		{to: "https://somebody:s3cret@node.example.org", fault: "has a password"},
		{to: "https://", fault: "names no host"},
		{to: "unix://run/fedmsg.sock", fault: "no absolute path"},
		{to: "unix://", fault: "no absolute path"},
		{to: "ftp://node.example.org", fault: "begins with none of"},
		{to: "https://node.example.org?start=now", fault: "not known"},
		{to: "https://node.example.org#top", fault: "%23"},
		{to: "https://node.example.org/v1/messages", fault: "write https://node.example.org"},
		{to: "https://node.example.org/bus/v1", fault: "write https://node.example.org/bus"},
		{to: "https://node.example.org/v1", fault: "goes on behind the address"},
		{to: "https://node.example.org/v10/"},
		{to: "unix:///run/v1/fedmsg.sock"},
	} {
		c.config.To = c.to
		_, err := NewSink(c.config, slog.New(slog.DiscardHandler))
		hold(t, c.to, err, c.fault)
	}
}

func TestStarts(t *testing.T) {
	for from, fault := range map[string]string{
		"https://node.example.org":                              "",
		"unix:///run/fedmsg.sock?start=now":                     "",
		"unix:///run/fedmsg.sock?start=beginning":               "",
		"https://node.example.org?start=k3v5q2m7x4ab-17":        "",
		"https://node.example.org?start=yesterday":              "position as LOGID-SEQ",
		"https://node.example.org?start=":                       "position as LOGID-SEQ",
		"https://node.example.org?start=now&start=beginning":    "twice",
		"http://node.example.org?start=now":                     "use https",
		"http://node.example.org?insecure_plain_http=yes&a=now": "not known",
	} {
		_, err := NewSource(receive.Config{From: from}, t.TempDir(), slog.New(slog.DiscardHandler))
		hold(t, from, err, fault)
	}
}

func hold(t *testing.T, what string, err error, fault string) {
	t.Helper()
	switch {
	case fault == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case fault != "" && (fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), fault)):
		t.Errorf("%s: %v, want a fault of the configuration with %q", what, err, fault)
	case err != nil && strings.Contains(err.Error(), "s3cret"):
		t.Errorf("%s: the password is in %v", what, err)
	}
}

// TestNobodyThere says why nothing answers, without advice for people at a command line.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	strange := httptest.NewUnstartedServer(nil)
	strange.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	strange.StartTLS()
	defer strange.Close()
	for to, want := range map[string]string{
		"http://127.0.0.1:1":              "connection refused",
		"https://nobody.invalid":          "nobody.invalid",
		"unix:///nonexistent/fedmsg.sock": "no such file",
		strange.URL:                       "certificate",
	} {
		made, err := NewSink(deliver.Config{To: to}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = made.Open(t.Context(), &deliver.Answers{})
		if err == nil || !strings.HasPrefix(err.Error(), "nothing answers at "+to+": ") || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "--node") {
			t.Errorf("%s: %v, want %q", to, err, want)
		}
		n := made.(*sink).node
		if c, err := n.client(); err == nil {
			_, err = c.Log(t.Context())
			c.Close()
			if err == nil || !strings.Contains(err.Error(), "--node") {
				t.Errorf("%s: at a command line it says %v", to, err)
			}
		}
	}
}

// TestPermanent holds the refusals against what the codes say of themselves: nothing that may pass costs an entry.
func TestPermanent(t *testing.T) {
	for _, c := range []fedmsg.Code{fedmsg.CodeUnavailable, fedmsg.CodeTimeout, fedmsg.CodeBusy, fedmsg.CodeStorageFull, fedmsg.CodeLogFailed,
		fedmsg.CodeLogAhead, fedmsg.CodeStaleCRL, fedmsg.CodeUnauthenticated, fedmsg.CodeInternal, fedmsg.CodeStale, "of_a_later_version"} {
		if permanent(c) {
			t.Errorf("%s is permanent", c)
		}
	}
	for _, c := range []fedmsg.Code{fedmsg.CodeBadSignature, fedmsg.CodeForbidden, fedmsg.CodeIDConflict, fedmsg.CodeTooLarge, fedmsg.CodeUnsigned} {
		if !permanent(c) || c.Retryable() {
			t.Errorf("%s is not permanent", c)
		}
	}
}
