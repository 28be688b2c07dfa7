package process

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSpoolOfThreeUsers has three users publish into the machine's spool while there is no node, and a fourth one who may
// not publish. The node that comes takes each message with its file's owner as the sender, those of one user in order, and
// refuses the fourth's.
func TestSpoolOfThreeUsers(t *testing.T) {
	t.Parallel()
	fedmsgtest.Root(t)
	dir := publicDir(t)
	program := filepath.Join(dir, "fedmsg")
	if out, err := exec.Command("cp", fedmsgtest.Binary(t), program).CombinedOutput(); err != nil {
		t.Fatalf("cp: %s", out)
	}
	spool := filepath.Join(dir, "spool")
	if err := os.Mkdir(spool, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(spool, 0o733|os.ModeSticky|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	users := []uint32{61001, 61002, 61003, 61004}
	const each = 3
	for n := range each {
		for _, uid := range users {
			spoolAs(t, program, spool, uid, n)
		}
	}
	var config strings.Builder
	fmt.Fprintf(&config, "[spool]\ndirectory = %q\n", spool)
	for _, uid := range users[:3] {
		fmt.Fprintf(&config, "[[publisher]]\nuid = \"%d\"\ntopics = [\"org.example.dev.#\"]\n", uid)
	}
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: config.String()})
	entries := node.Read(t, url.Values{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < 3*each })
	next := make(map[string]int)
	for _, e := range entries {
		want := fmt.Sprintf(`{"uid":%s,"n":%d}`, strings.TrimPrefix(e.Sender, "uid:"), next[e.Sender])
		if !strings.Contains(string(e.Envelope), want) {
			t.Errorf("sender %s with %s, want %s", e.Sender, e.Envelope, want)
		}
		next[e.Sender]++
	}
	for _, uid := range users[:3] {
		if got := next[fmt.Sprintf("uid:%d", uid)]; got != each {
			t.Errorf("of user %d %d messages are in the log, want %d: %v", uid, got, each, next)
		}
	}
	if len(next) != 3 {
		t.Errorf("senders are %v, want the three that may publish", next)
	}
}

// spoolAs runs publish as a user, where no node is.
func spoolAs(t *testing.T, program, spool string, uid uint32, n int) {
	t.Helper()
	home := publicDir(t)
	if err := os.Chown(home, int(uid), int(uid)); err != nil {
		t.Fatal(err)
	}
	c := fedmsgtest.Command{
		Binary: program, Home: home, Credential: &syscall.Credential{Uid: uid, Gid: uid},
		Env:  []string{"FEDMSG_NODE=unix://" + filepath.Join(home, "none")},
		Args: []string{"publish", "--spool", spool, "--topic", topic, "--json-input", "--message", fmt.Sprintf(`{"uid":%d,"n":%d}`, uid, n)},
	}
	r, err := c.Run()
	if err != nil || r.Status != fedmsg.CodeQueued.ExitStatus() {
		t.Fatalf("publish as user %d without a node: %v %s", uid, err, r)
	}
}

// publicDir makes a directory that other users can enter, which those of the testing package are not.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fmu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
