package process

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// fresh gives a fresh clone of the repository with what is not committed yet, or a copy where there is no git.
func fresh(t *testing.T) string {
	t.Helper()
	git := fedmsgtest.Tool(t, "git")
	dir := filepath.Join(t.TempDir(), "fedmsg")
	if _, err := os.Stat(filepath.Join(repository, ".git")); err != nil {
		if err := os.CopyFS(dir, os.DirFS(repository)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	run := func(args ...string) string {
		cmd := exec.Command(git, append([]string{"-c", "safe.directory=*", "-C", repository}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return string(out)
	}
	run("clone", "--quiet", "--no-hardlinks", ".", dir)
	for _, name := range strings.FieldsFunc(run("ls-files", "-z", "--modified", "--others", "--exclude-standard"), func(r rune) bool { return r == 0 }) {
		copyFile(t, filepath.Join(repository, name), filepath.Join(dir, name))
	}
	return dir
}

// copyFile copies one file; one that is gone is removed in the copy too.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		_ = os.Remove(to)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil || !info.Mode().IsRegular() {
		t.Fatalf("%s: %v %v", from, info.Mode(), err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, info.Mode())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}

// nodeOnPort gives the surroundings in which `fedmsg serve` and all commands use a node of their own on this port.
func nodeOnPort(t *testing.T, port string) (home string, env []string) {
	t.Helper()
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	socket := "unix://" + filepath.Join(home, "s")
	return home, []string{
		"FEDMSG_STATE=" + filepath.Join(home, "node"), "FEDMSG_HTTP_SOCKET=" + socket, "FEDMSG_NODE=" + socket,
		"FEDMSG_HTTP_LISTEN=http://127.0.0.1:" + port, "FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0",
	}
}

// TestTour runs docs/tour.md in a fresh clone and holds what it promises: a commit is seen, 300 messages come back byte for
// byte, and after a kill -9 in the middle of a stream nothing acknowledged is gone.
func TestTour(t *testing.T) {
	t.Parallel()
	port := fedmsgtest.FreePort()
	home, env := nodeOnPort(t, port)
	page := strings.ReplaceAll(readPage(t, "docs/tour.md"), "127.0.0.1:8940", "127.0.0.1:"+port)
	out := newShell(t, fresh(t), home, env...).run(t, script(blocks(page)))
	holdsTour(t, page, out)
	if t.Failed() {
		t.Log(clipEnd(out))
	}
}

// holdsTour holds what the tour promises against what its lines printed.
func holdsTour(t *testing.T, page, out string) {
	t.Helper()
	for _, want := range []string{
		"org.example.dev.bugs.bug.close",
		"org.example.dev.wiki.page.edit",
		"org.example.dev.git.receive",
		"300 messages, byte for byte",
		"all known already",
		"the publisher was told: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the tour does not show %q", want)
		}
	}
	if !strings.Contains(out, "Say hello") {
		t.Error("the subject of the pushed commit is not seen")
	}
	sent := regexp.MustCompile(`seq 1 (\d+)`).FindStringSubmatch(page)
	told := regexp.MustCompile(`(?m)^(\d+) acknowledged, (\d+) there$`).FindStringSubmatch(out)
	if sent == nil || told == nil || told[1] != told[2] {
		t.Fatalf("the tour sends %q and tells %q", sent, told)
	}
	all, _ := strconv.Atoi(sent[1])
	acknowledged, _ := strconv.Atoi(told[1])
	if acknowledged < 1000 || acknowledged >= all {
		t.Errorf("%d of %d were acknowledged before the node was killed: it was not killed in the middle", acknowledged, all)
	}
}
