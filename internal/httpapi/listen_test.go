package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// listenOnly makes a server that is never run and closes it.
func listenOnly(t *testing.T, change func(*Config, *Deps)) (*Server, error) {
	t.Helper()
	c := DefaultConfig()
	c.Listen = nil
	d := Deps{}
	change(&c, &d)
	s, err := New(c, d)
	if err == nil {
		t.Cleanup(func() { s.Shutdown(context.Background()) })
	}
	return s, err
}

// TestSocketFile: the socket has mode and group from its URI and is removed on stop.
func TestSocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "f.sock")
	s, err := listenOnly(t, func(c *Config, _ *Deps) {
		c.Socket = fmt.Sprintf("unix://%s?mode=0620&group=%d", path, os.Getgid())
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Addrs(); len(got) != 1 || got[0] != "unix://"+path {
		t.Errorf("addresses %v", got)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o620 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestSocketNotStolen: a socket that somebody serves is left alone, and so is a file that is no socket.
func TestSocketNotStolen(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { withSocket(t, c) })
	_, err := listenOnly(t, func(c *Config, _ *Deps) { c.Socket = e.address("unix") })
	if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), "another process serves it") {
		t.Errorf("second server: %v", err)
	}
	if status, _, _ := ask(t, e.client("unix"), "GET", "http://x/readyz", ""); status != 200 {
		t.Errorf("the first server answers %d", status)
	}
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenOnly(t, func(c *Config, _ *Deps) { c.Socket = file }); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
		t.Errorf("over a file: %v", err)
	}
	if b, _ := os.ReadFile(file); string(b) != "text" {
		t.Error("the file is gone")
	}
}

// TestListenCures: whoever cannot listen is told once what is wrong, and the cure.
func TestListenCures(t *testing.T) {
	taken := mustListen(t)
	defer taken.Close()
	for _, c := range []struct {
		set  func(*Config)
		want string
	}{
		{func(c *Config) { c.Listen = []string{"http://" + taken.Addr().String()} },
			"cannot listen on http://" + taken.Addr().String() + " (http.listen): address already in use; stop the process that listens there, or set another http.listen"},
		{func(c *Config) { c.Listen = []string{"http://192.0.2.1:1"} },
			"cannot listen on http://192.0.2.1:1 (http.listen): cannot assign requested address; this machine has no such address, set another http.listen"},
		{func(c *Config) { c.Socket = "/dev/null/f.sock" }, "cannot make the socket /dev/null/f.sock (http.socket): not a directory"},
	} {
		_, err := listenOnly(t, func(cfg *Config, _ *Deps) { c.set(cfg) })
		if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// TestSocketOutOfReach: a socket of another user, and one in a directory that this user may not enter, are told apart from
// one that is served.
func TestSocketOutOfReach(t *testing.T) {
	if os.Getuid() == 0 {
		asNobody(t)
		return
	}
	dir := t.TempDir()
	closed, shut := filepath.Join(dir, "closed"), filepath.Join(dir, "shut.sock")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(closed, 0o700)
	ln, err := net.Listen("unix", shut)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Chmod(shut, 0); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(closed, "f.sock"): "permission denied; let this user enter and write to its directory, or set another http.socket",
		shut:                            "there is one of another user; remove it if nobody serves it, or set another http.socket",
	} {
		_, err := listenOnly(t, func(c *Config, _ *Deps) { c.Socket = path })
		if want = "cannot make the socket " + path + " (http.socket): " + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// asNobody runs the test again as a user whom permissions hold.
func asNobody(t *testing.T) {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	copied := filepath.Join(dir, "test")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(copied, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = "/", []string{"TMPDIR=/tmp"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// TestDeadSocketReplaced: a socket left over from a crash does not keep a node from starting.
func TestDeadSocketReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	e := startEdge(t, func(c *Config, _ *Deps) { c.Socket = path })
	if status, _, _ := ask(t, e.client("unix"), "GET", "http://x/readyz", ""); status != 200 {
		t.Errorf("status %d", status)
	}
}

// TestSocketOfAnotherKept: stopping does not remove a socket that another process has put in place of this one's.
func TestSocketOfAnotherKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sock")
	s, err := listenOnly(t, func(c *Config, _ *Deps) { c.Socket = path })
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.Shutdown(context.Background())
	if _, err := os.Lstat(path); err != nil {
		t.Error("the other socket is gone")
	}
}

// TestReadyMade: listeners that were handed over are used in place of the configured ones, and a socket is not removed.
func TestReadyMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sock")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	socket.(*net.UnixListener).SetUnlinkOnClose(false)
	named, same, extra := mustListen(t), mustListen(t), mustListen(t)
	e := startEdge(t, func(c *Config, d *Deps) {
		c.Socket = "unix:///nowhere/else.sock?topics=open.%23"
		c.Listen = []string{"http://127.0.0.1:1?fd=named&topics=", "http://" + same.Addr().String() + "?topics="}
		d.Listeners = map[string]net.Listener{"socket": socket, "named": named, "x": same, "y": extra}
		d.Dev = false
	})
	want := fmt.Sprintf("[unix://%s http://%s http://%s http://%s]", path, named.Addr(), same.Addr(), extra.Addr())
	if got := fmt.Sprint(e.Addrs()); got != want {
		t.Errorf("addresses\n got %s\nwant %s", got, want)
	}
	if status, _, _ := ask(t, e.client("unix"), "GET", "http://x/v1/messages/secret:1", ""); status != 404 {
		t.Errorf("the socket's scope is not that of http.socket: %d", status)
	}
	for ln, want := range map[net.Listener]int{named: 401, same: 401, extra: 200} {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if status, _, _ := ask(t, client, "GET", "http://"+ln.Addr().String()+"/v1/log", ""); status != want {
			t.Errorf("%s: %d", ln.Addr(), status)
		}
	}
	if err := e.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error("a socket that was handed over is gone")
	}
}

// TestCannotListen: an address in use is named, and nothing stays open.
func TestCannotListen(t *testing.T) {
	ln := mustListen(t)
	defer ln.Close()
	path := filepath.Join(t.TempDir(), "f.sock")
	_, err := listenOnly(t, func(c *Config, _ *Deps) {
		c.Socket, c.Listen = path, []string{"http://" + ln.Addr().String()}
	})
	if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Error("the socket was left behind")
	}
	if _, err := listenOnly(t, func(c *Config, _ *Deps) { c.Listen = []string{"http://127.0.0.1:0?fd=none"} }); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a listener that was not handed over: %v", err)
	}
	if _, err := listenOnly(t, func(c *Config, _ *Deps) { c.Socket = "unix://" + path + "?group=nosuchgroup" }); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
		t.Errorf("a group that is not there: %v", err)
	}
}
