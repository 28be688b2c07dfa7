package spool

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestMain lets the test binary be another user's publisher: see TestThreeUsersShareOneDirectory.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FEDMSG_TEST_SPOOL"); dir != "" {
		if err := publisher(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// publisher does what a user may do in a directory that is not theirs.
func publisher(dir string) error {
	s := New(dir, Options{})
	for i := range 5 {
		if pending, err := s.Pending(); err != nil || pending != (i > 0) {
			return fmt.Errorf("before %d: pending %v, %v", i, pending, err)
		}
		if err := s.Write(fmt.Appendf(nil, "%d:%d", os.Geteuid(), i)); err != nil {
			return err
		}
	}
	_, err := s.DrainOwn(context.Background(), nil)
	if fedmsg.CodeOf(err) != fedmsg.CodeQueued {
		return fmt.Errorf("DrainOwn = %v", err)
	}
	if _, err := os.ReadDir(dir); err == nil {
		return fmt.Errorf("uid %d can list the directory", os.Geteuid())
	}
	return nil
}

// readableDir is a temporary directory that other users can reach.
func readableDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spool-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestThreeUsersShareOneDirectory(t *testing.T) {
	fedmsgtest.Root(t) // to become three users
	base := readableDir(t)
	dir, bin := filepath.Join(base, "spool"), filepath.Join(base, "publisher")
	copyFile(t, os.Args[0], bin)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o733|os.ModeSetgid|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	want := map[uint32][]string{}
	for _, uid := range []uint32{61001, 61002, 61003} {
		cmd := exec.Command(bin)
		cmd.Env = []string{"FEDMSG_TEST_SPOOL=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("uid %d: %v: %s", uid, err, out)
		}
		for i := range 5 {
			want[uid] = append(want[uid], fmt.Sprintf("%d:%d", uid, i))
		}
	}
	s := New(dir, Options{})
	wantPending(t, s, false) // these are not root's own
	got := map[uint32][]string{}
	_, err := s.DrainAll(t.Context(), single(func(_ context.Context, f File) error {
		got[f.Owner] = append(got[f.Owner], string(f.Envelope))
		return nil
	}))
	if err != nil || !maps.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("%v: %v", err, got)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
