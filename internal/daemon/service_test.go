package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// env gives a getenv of KEY, value, KEY, value and so on.
func env(kv ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(kv); i += 2 {
			if kv[i] == name {
				return kv[i+1]
			}
		}
		return ""
	}
}

// manager is a service manager's socket.
func manager(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	return c
}

func received(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 256)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestNotify(t *testing.T) {
	path := filepath.Join(shortDir(t), "notify")
	for _, name := range []string{path, "@fedmsg-test-" + strconv.Itoa(os.Getpid())} {
		c := manager(t, name)
		if err := newNotifier(env("NOTIFY_SOCKET", name), 1).send("READY=1", "STATUS=x"); err != nil {
			t.Fatal(err)
		}
		if got := received(t, c); got != "READY=1\nSTATUS=x" {
			t.Errorf("%s got %q", name, got)
		}
	}
	if err := newNotifier(env(), 1).send("READY=1"); err != nil {
		t.Errorf("without a service manager: %v", err)
	}
	if err := newNotifier(env("NOTIFY_SOCKET", path+"gone"), 1).send("READY=1"); err == nil {
		t.Error("a service manager that is gone gives no error")
	}
}

func TestWatchdog(t *testing.T) {
	for _, c := range []struct {
		name, usec, pid string
		want            time.Duration
	}{
		{"ours", "20000", "7", 20 * time.Millisecond},
		{"anybody's", "20000", "", 20 * time.Millisecond},
		{"another process's", "20000", "8", 0},
		{"none", "", "", 0},
		{"nonsense", "-5", "", 0},
	} {
		n := newNotifier(env("NOTIFY_SOCKET", "/x", "WATCHDOG_USEC", c.usec, "WATCHDOG_PID", c.pid), 7)
		ticks, stop := n.ticks()
		stop()
		if n.watchdog != c.want || (ticks != nil) != (c.want > 0) {
			t.Errorf("%s: %s, ticks %v", c.name, n.watchdog, ticks != nil)
		}
	}
}

// passed makes descriptors of two listeners and a file follow one another, as a service manager would.
func passed(t *testing.T, files ...*os.File) (first int) {
	t.Helper()
	first = 200 // far from what the test process has open
	for i, f := range files {
		if err := unix.Dup3(int(f.Fd()), first+i, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return first
}

func TestSocketActivation(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	path := filepath.Join(shortDir(t), "s")
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	tcpFile, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	localFile, err := local.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	first := passed(t, tcpFile, localFile)
	got, err := passedListeners(env("LISTEN_PID", "7", "LISTEN_FDS", "2", "LISTEN_FDNAMES", "web:"), 7, first)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["web"] == nil || got["unix"] == nil {
		t.Fatalf("got %v", got)
	}
	if a := got["web"].Addr().String(); a != tcp.Addr().String() {
		t.Errorf("web is %s", a)
	}
	closeAll(got)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the service manager's socket is gone: %v", err)
	}
	if _, err := unix.FcntlInt(uintptr(first), unix.F_GETFD, 0); err == nil {
		t.Error("the passed descriptor is still open")
	}
}

func TestSocketActivationOfOthers(t *testing.T) {
	for _, e := range []func(string) string{env(), env("LISTEN_PID", "8", "LISTEN_FDS", "1"), env("LISTEN_PID", "7", "LISTEN_FDS", "0")} {
		if got, err := passedListeners(e, 7, 200); got != nil || err != nil {
			t.Errorf("got %v %v", got, err)
		}
	}
}

func TestSocketActivationWithAFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	first := passed(t, f)
	_, err = passedListeners(env("LISTEN_PID", "7", "LISTEN_FDS", "1"), 7, first)
	if err == nil {
		t.Fatal("a file is taken for a socket")
	}
}

// shortDir is a directory whose name leaves room for a socket's in the 108 bytes of its address.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
