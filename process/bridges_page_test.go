package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestBridgesPage runs docs/bridges.md against a real RabbitMQ, ActiveMQ and nats-server, and holds what it shows: each reader
// hears what is meant for it.
func TestBridgesPage(t *testing.T) {
	t.Parallel()
	fedmsgtest.Tool(t, "jq")
	python := fedmsgtest.PythonZMQ(t)
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	page := readPage(t, "docs/bridges.md")
	for place, addr := range map[string]string{
		"127.0.0.1:5672":  fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{}).Addr,
		"127.0.0.1:61613": fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{}).STOMP,
		"127.0.0.1:4222":  fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{}).Addr,
		"127.0.0.1:8940":  "127.0.0.1:" + fedmsgtest.FreePort(),
		"127.0.0.1:9940":  "127.0.0.1:" + fedmsgtest.FreePort(),
	} {
		page = strings.ReplaceAll(page, place, addr)
	}
	sh := newShell(t, home, home)
	if err := os.Symlink(python, filepath.Join(home, "bin", "python3")); err != nil {
		t.Fatal(err)
	}
	out := sh.run(t, script(blocks(page)))
	for _, c := range []struct{ file, has string }{
		{"consumed", `org.example.dev.wiki.page.edit application/json base.message {"page":"FAQ"}`},
		{"zeromq-heard", "org.fedoraproject.prod.buildsys.tag\n{"},
		{"zeromq-heard", `"msg":{"tag":"f45"}`},
		{"rebuilt", "org.example.dev.wiki.page.edit News\n"},
	} {
		text, err := os.ReadFile(filepath.Join(home, c.file))
		if err != nil || !strings.Contains(string(text), c.has) {
			t.Errorf("%s has %q, %v; want %q in it", c.file, text, err, c.has)
		}
	}
	if t.Failed() {
		t.Log(clipEnd(out))
	}
}
