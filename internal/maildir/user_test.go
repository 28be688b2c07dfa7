package maildir

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestMain lets the test binary be another user, or see another mount: see TestOthersMaildir and TestReadOnlyMaildir.
func TestMain(m *testing.M) {
	if path := os.Getenv("FEDMSG_TEST_MAILDIR"); path != "" {
		if os.Getenv("FEDMSG_TEST_READ_ONLY") != "" {
			fmt.Println(errors.Join(unix.Mount("none", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""), unix.Mount(path, path, "", unix.MS_BIND, ""),
				unix.Mount("none", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")))
		}
		_, err := Open(path)
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestOthersMaildir holds that a user who can read a Maildir, and not move mails in it, is told so before any mail is read: each would be
// published again and again.
func TestOthersMaildir(t *testing.T) {
	fedmsgtest.Root(t) // to become another user
	base, err := os.MkdirTemp("", "maildir-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path, bin := filepath.Join(base, "mails"), filepath.Join(base, "opener")
	if err := os.WriteFile(bin, program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{base, path, filepath.Join(path, fresh), filepath.Join(path, known)} {
		_ = os.Mkdir(dir, 0o755)
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		mode os.FileMode
		want string
	}{{0o755, "uid 61001 must be able to write into its new/ and cur/"}, {0o777, "<nil>"}, {0o666, "uid 61001"}} {
		if err := os.Chmod(filepath.Join(path, known), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(path, fresh), 0o777); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bin)
		cmd.Env = []string{"FEDMSG_TEST_MAILDIR=" + path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61001, Gid: 61001}}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("mode %o: %s (%v), want %s", c.mode, out, err, c.want)
		}
	}
}

// TestReadOnlyMaildir holds that whoever may write into a Maildir, and is kept from it as by the node's unit, is told what to do.
func TestReadOnlyMaildir(t *testing.T) {
	fedmsgtest.Root(t) // to mount
	path, _ := made(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"FEDMSG_TEST_MAILDIR=" + path, "FEDMSG_TEST_READ_ONLY=yes"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "<nil>\n") || !strings.Contains(string(out), "add ReadWritePaths="+path) {
		t.Errorf("%s (%v)", out, err)
	}
}
