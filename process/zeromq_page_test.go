package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestZeroMQPage runs docs/zeromq.md and holds what it shows: each reader hears what is meant for it, in the form that its socket
// has, and nothing else; and a submission that is repeated is one message.
func TestZeroMQPage(t *testing.T) {
	t.Parallel()
	fedmsgtest.Tool(t, "jq")
	python := fedmsgtest.PythonZMQ(t)
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	page := readPage(t, "docs/zeromq.md")
	ports := map[string]string{}
	for _, port := range []string{"8940", "9940", "4001", "2003", "9941", "9943"} {
		ports[port] = fedmsgtest.FreePort()
		page = strings.ReplaceAll(page, "127.0.0.1:"+port, "127.0.0.1:"+ports[port])
	}
	sh := newShell(t, home, home)
	socket := filepath.Join(home, "run", "fedmsg.sock")
	main := fmt.Sprintf("state = %q\nnode = \"unix://%s\"\n[http]\nlisten = [\"http://127.0.0.1:%s\"]\nsocket = %q\n[zeromq]\npublish = [\"tcp://127.0.0.1:%s\"]\n",
		filepath.Join(home, "node"), socket, ports["8940"], socket, ports["9940"])
	if err := os.WriteFile(filepath.Join(home, "fedmsg.toml"), []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(python, filepath.Join(home, "bin", "python3")); err != nil {
		t.Fatal(err)
	}
	out := sh.run(t, script(blocks(page)))
	for _, c := range []struct{ file, has, hasNot string }{
		{"heard", "org.example.dev.bugs.bug.close\nFEDMSG2\n{", "nothing else"},
		{"relayed", "org.example.dev.logger.log\n{", "FEDMSG2"},
		{"mesh-heard", `"msg":{"page":"FAQ"}`, "FEDMSG2"},
		{"outside", "org.example.dev.news.post.new\n{", "stays inside"},
		{"secret", "only for those who are known", "not for the listener"},
		{"secret", "signer curve-node", "not signed"},
	} {
		text, err := os.ReadFile(filepath.Join(home, c.file))
		if err != nil || !strings.Contains(string(text), c.has) || strings.Contains(string(text), c.hasNot) {
			t.Errorf("%s has %q, %v; want %q and not %q", c.file, text, err, c.has, c.hasNot)
		}
	}
	var answers []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "FSUBMIT1 ") {
			answers = append(answers, line)
		}
	}
	if len(answers) != 2 || answers[0] != answers[1] || !strings.Contains(answers[0], `"result":"success"`) {
		t.Errorf("the submission and its repetition were answered with %q", answers)
	}
	if t.Failed() {
		t.Log(clipEnd(out))
	}
}
