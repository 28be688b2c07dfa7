package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// checked makes every check of the subject's surroundings without a node.
func checked(t *testing.T, s *Subject) []Finding {
	t.Helper()
	return Examine(t.Context(), *s, 20*time.Second).Findings
}

// TestFaultyConfiguration: one fault in the files keeps nothing else from being looked at, but for what cannot be known then.
func TestFaultyConfiguration(t *testing.T) {
	s := subject(t, "sign = [\"pgp\"]\n[signing]\nkey = \"DIR/sign.key\"\n")
	s.write(t, "sign.key", "", 0o644)
	all := checked(t, s)
	want(t, all, "signing.key", ops.Failed, "chmod 600")
	for _, f := range all {
		if strings.Contains(f.Text, "not looked at") {
			t.Errorf("with a fault elsewhere: %+v", f)
		}
	}
	count := func(s *Subject) (n int) {
		for _, f := range checked(t, s) {
			if strings.HasPrefix(f.Text, "it was not looked at, since ") && f.Status == ops.Warning {
				n++
			}
		}
		return n
	}
	if n := count(subject(t, "[spool]\ndirectory = \"here\"\n")); n != 2 { // disk and spool
		t.Errorf("without a spool that can be meant %d checks are left out", n)
	}
	if n := count(subject(t, "] [")); n != 12 {
		t.Errorf("without any configuration %d checks are left out", n)
	}
}

// TestOrder puts what fails on top, and says nothing twice.
func TestOrder(t *testing.T) {
	all := inOrder(withoutDoubles([]Finding{
		{Check: "node", Status: ops.OK, Looked: "1"}, {Check: "sinks", Status: ops.Warning, Looked: "a (nats://h)"}, {Check: "sinks", Status: ops.OK, Looked: "b (nats://h)"},
		{Check: "reach", Status: ops.Warning, Looked: "sink a (h:1)"}, {Check: "reach", Status: ops.Warning, Looked: "sink b (h:1)"}, {Check: "reach", Status: ops.Warning, Looked: "source a (h:1)"},
		{Check: "disk", Status: ops.Failed, Looked: "2"},
	}))
	var got []string
	for _, f := range all {
		got = append(got, f.Looked)
	}
	if text := strings.Join(got, ", "); text != "1, 2, a (nats://h), sink b (h:1), source a (h:1), b (nats://h)" {
		t.Errorf("the order is %s", text)
	}
}

// TestOwner tells of a state directory in which something is another user's.
func TestOwner(t *testing.T) {
	if os.Getuid() != 0 {
		fedmsgtest.Missing(t, "root, who alone can give files away")
	}
	s := subject(t, "")
	if all := s.owner(); len(all) > 0 {
		t.Errorf("of one's own: %+v", all)
	}
	file := filepath.Join(s.Loaded.Config.State, "log")
	s.write(t, "state/log", "", 0o600)
	if err := os.Chown(file, 65534, -1); err != nil {
		t.Fatal(err)
	}
	want(t, s.owner(), "state", ops.Failed, "log in it to uid 65534", "chown -R 0 ")
}

// TestSourceCures gives each kind of source that brings nothing the cure that is its own.
func TestSourceCures(t *testing.T) {
	dir := t.TempDir()
	for from, cure := range map[string]string{
		"maildir://" + dir + "/gone": "mkdir -p " + dir + "/gone/{tmp,new,cur}", "maildir://" + dir: "chown -R", "poll+exec:": "fedmsg source poll it --dry-run",
		"poll+https://h/": "fedmsg source poll it --dry-run", "lmtp+unix:///s": "ss -lxp", "amqps://h/": "credentials",
	} {
		if what, told := ofSource(&receive.Status{Name: "it", From: from}); what == "" || !strings.Contains(told, cure) {
			t.Errorf("%s: %s, %s", from, what, told)
		}
	}
}
