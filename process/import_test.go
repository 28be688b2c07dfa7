package process

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// importSample copies one of the old configurations, made fit for this machine by the replacements, and imports it. It gives the
// result and what was told.
func importSample(t *testing.T, sample string, replacements ...string) (text, told string) {
	t.Helper()
	from, dir := filepath.Join(repository, "internal/oldconfig/testdata", sample), t.TempDir()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		src, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), []byte(strings.NewReplacer(replacements...).Replace(string(src))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := fedmsgtest.CLI(t, nil, "config", "import", "--host", "localhost", dir)
	if r.Status != 0 {
		t.Fatal(r)
	}
	return r.Stdout, r.Stderr
}

// oldAuthority makes an authority and the certificate of a name in one directory, as the old bus had them.
func oldAuthority(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ca")
	for _, args := range [][]string{
		{"init", "--name", "Old CA", "--dir", dir}, {"issue", name, "--algorithm", "rsa", "--dir", dir, "--out", dir},
	} {
		if r := fedmsgtest.CLI(t, nil, append([]string{"keys", "ca"}, args...)...); r.Status != 0 {
			t.Fatal(r)
		}
	}
	return dir
}

// startImported starts a node with an imported configuration, all of it.
func startImported(t *testing.T, text string) *fedmsgtest.Node {
	t.Helper()
	var publish []string // which the node of a test has a setting of its own for
	_, list, _ := strings.Cut(text, "\npublish = [\n")
	list, _, _ = strings.Cut(list, "\n]")
	for _, m := range regexp.MustCompile(`(?m)^  "(.*)",`).FindAllStringSubmatch(list, -1) {
		publish = append(publish, strings.Replace(m[1], "tcp://127.0.0.1:9940", "tcp://127.0.0.1:0", 1)) // the node's own, not the sample's
	}
	return fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: text, Env: []string{
		"FEDMSG_ZEROMQ_PUBLISH=" + strings.Join(publish, ","), "FEDMSG_ZEROMQ_RESOLVER=127.0.0.1:9", // nobody is asked
	}})
}

// holdHeard has an old subscriber hear what is published on a topic, and gives its body.
func holdHeard(t *testing.T, n *fedmsgtest.Node, out, prefix string, publish func(topic string)) string {
	t.Helper()
	sub := startSub(t, n, out, []string{prefix + ".import."})
	topic := prefix + ".import.works"
	publish(topic)
	got := sub.receive()
	if len(got) != 2 || got[0] != topic {
		t.Fatalf("%s: %q was heard", out, got)
	}
	return got[1]
}

// handIn hands a message in as a program of the machine does.
func handIn(t *testing.T, n *fedmsgtest.Node, topic string) {
	t.Helper()
	if r := n.CLI(t, strings.NewReader(`{"topic":"`+topic+`","msg":{"hello":"world"}}`+"\n"), "publish"); r.Status != 0 {
		t.Fatal(r)
	}
}

// TestImportedSamplesStart imports each of the old configurations and starts a node with it, which then does what relay and gateway
// did: old publishers are heard, by old subscribers, signed where the old relay signed.
func TestImportedSamplesStart(t *testing.T) {
	t.Parallel()
	t.Run("sample", func(t *testing.T) {
		t.Parallel()
		out, in, gateway := fedmsgtest.FreePort(), fedmsgtest.FreePort(), fedmsgtest.FreePort()
		text, _ := importSample(t, "sample", "4001", out, "2003", in, "9940", gateway)
		n := startImported(t, text)
		pub := startPub(t, n, "tcp://127.0.0.1:"+in, "org.example.dev.warm.up")
		for _, port := range []string{out, gateway} {
			holdHeard(t, n, "tcp://127.0.0.1:"+port, "org.example.dev", func(topic string) {
				pub.send(topic, `{"topic":"`+topic+`","msg":{"port":`+port+`},"msg_id":"port-`+port+`"}`)
			})
		}
	})
	t.Run("fedora", func(t *testing.T) {
		t.Parallel()
		out, in, gateway, replay := fedmsgtest.FreePort(), fedmsgtest.FreePort(), fedmsgtest.FreePort(), fedmsgtest.FreePort()
		text, told := importSample(t, "fedora", "3999", out, "9941", in, "9940", gateway, "4101", replay,
			"/etc/pki/fedmsg", oldAuthority(t, "shell-localhost01.dc.example.org"), "busgateway", "localhost",
			"tcp://{0}.{1}:{2}", "tcp://127.0.0.1:{2}", "tcp://pkgs01.%s:", "tcp://127.0.0.1%.0s:")
		if strings.Contains(told, "commented out") || !strings.Contains(text, "\nsign = [\"x509\", \"dsse\"]") {
			t.Fatalf("%s\n%s", told, text)
		}
		n := startImported(t, text)
		body := holdHeard(t, n, "tcp://127.0.0.1:"+gateway, "org.fedoraproject.prod", func(topic string) { handIn(t, n, topic) })
		if !strings.Contains(body, `"crypto":"x509"`) || !strings.Contains(body, `"seq_id":`) {
			t.Errorf("the message has no old signature, or no number: %s", body)
		}
		pub := startPub(t, n, "tcp://127.0.0.1:"+in, "org.fedoraproject.prod.warm.up")
		body = holdHeard(t, n, "tcp://127.0.0.1:"+out, "org.fedoraproject.prod", func(topic string) {
			pub.send(topic, `{"topic":"`+topic+`","msg":{},"msg_id":"relayed"}`)
		})
		if !strings.Contains(body, `"crypto":"x509"`) {
			t.Errorf("the relay did not sign: %s", body)
		}
	})
	t.Run("debian", func(t *testing.T) {
		t.Parallel()
		in, gateway := fedmsgtest.FreePort(), fedmsgtest.FreePort()
		text, told := importSample(t, "debian", "2003", in, "9940", gateway)
		if !strings.Contains(told, "[[trust]] for OpenPGP is commented out") {
			t.Error(told)
		}
		n := startImported(t, text)
		holdHeard(t, n, "tcp://127.0.0.1:"+gateway, "org.debian.production", func(topic string) { handIn(t, n, topic) })
	})
	t.Run("hub", func(t *testing.T) {
		t.Parallel()
		text, _ := importSample(t, "hub", "mq01.example.org:61612", "127.0.0.1:"+fedmsgtest.FreePort())
		n := startImported(t, text)
		if got := sourceStatus(t, n, "stomp")["name"]; got != "stomp" {
			t.Errorf("the source is %v", got)
		}
	})
}
