package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSinkOperator holds that a user who may publish on a node sees how its sinks are, and can neither stop one nor read what lies with
// the dead letters, whatever token it shows; and that the node's own user can.
func TestSinkOperator(t *testing.T) {
	t.Parallel()
	fedmsgtest.Root(t)
	dir := publicDir(t)
	program := filepath.Join(dir, "fedmsg")
	if out, err := exec.Command("cp", fedmsgtest.Binary(t), program).CombinedOutput(); err != nil {
		t.Fatalf("cp: %s", out)
	}
	const owner, other = 61001, 61002
	home := func(uid int) string {
		h := publicDir(t)
		if err := os.Chown(h, uid, uid); err != nil {
			t.Fatal(err)
		}
		return h
	}
	socket := filepath.Join(home(owner), "s")
	node := fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{
		Binary: program, Credential: &syscall.Credential{Uid: owner, Gid: owner},
		Config: "[[publisher]]\nuid = 61002\ntopics = [\"#\"]\n[[sink]]\nname = \"refuses\"\ntopics = [\"#\"]\ncommand = [\"/bin/sh\", \"-c\", \"exit 65\"]\n",
		Env:    []string{"FEDMSG_HTTP_SOCKET=unix://" + socket + "?mode=0666"},
	})
	node.Socket = socket
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	as := func(uid uint32, args ...string) fedmsgtest.Result {
		t.Helper()
		c := fedmsgtest.Command{
			Binary: program, Home: home(int(uid)), Credential: &syscall.Credential{Uid: uid, Gid: uid},
			Env: []string{"FEDMSG_NODE=unix://" + socket}, Args: args,
		}
		r, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := as(other, "publish", "--topic", "a.b.c", "--message", "x", "--wait", "refuses", "--wait-timeout", "30s"); r.Status != 76 {
		t.Errorf("publish by another user: %s", r)
	}
	if r := as(other, "sink", "ls"); r.Status != 0 || !strings.Contains(r.Stdout, "refuses") {
		t.Errorf("sink ls by another user: %s", r)
	}
	for _, args := range [][]string{
		{"sink", "pause", "refuses"}, {"sink", "resume", "refuses"}, {"sink", "rewind", "refuses", "--to", "beginning"},
		{"dead", "list", "sink/refuses"}, {"dead", "show", "sink/refuses/1"}, {"dead", "retry", "sink/refuses/1"}, {"dead", "drop", "sink/refuses/1"},
	} {
		if r := as(other, args...); r.Status != 77 || !strings.Contains(r.Stderr, "uid:61002 may not") || r.Stdout != "" {
			t.Errorf("%q by another user: %s", args, r)
		}
	}
	for _, uid := range []uint32{owner, 0} {
		if r := as(uid, "sink", "pause", "refuses"); r.Status != 0 {
			t.Errorf("pause by user %d: %s", uid, r)
		}
		if r := as(uid, "dead", "show", "sink/refuses/1"); r.Status != 0 || !strings.Contains(r.Stdout, `"entry":`) {
			t.Errorf("dead show by user %d: %s", uid, r)
		}
	}
}
