package process

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// machine is a Debian of its own, with systemd as its first process, on a copy of a root directory that is lost at the end.
// It shares the kernel with the machine of the tests, and neither its processes nor files, network, control groups or units.
type machine struct {
	init int // pid of its systemd
	root string
}

// bootMachine starts a machine on the directory lower and ends it with the test.
func bootMachine(t *testing.T, lower string) *machine {
	t.Helper()
	fedmsgtest.Root(t)
	fedmsgtest.Tool(t, "nsenter")
	fedmsgtest.Tool(t, "systemctl")
	script, err := filepath.Abs("testdata/machine")
	if err != nil {
		t.Fatal(err)
	}
	cgroup := newCgroup(t)
	dir, err := os.MkdirTemp("", "machine")
	if err != nil {
		t.Fatal(err)
	}
	manager := filepath.Join(dir, "manager") // who hears of the boot
	up, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var console bytes.Buffer
	cmd := exec.Command(script, lower, dir, cgroup)
	cmd.Stdout, cmd.Stderr = &console, &console
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:  syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	if err := cmd.Start(); err != nil {
		fedmsgtest.Missing(t, "namespaces of the kernel: "+err.Error())
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // the first process: all others end with it
		cmd.Wait()
		up.Close()
		os.RemoveAll(dir) // what was mounted there went with the namespace
		removeCgroup(t, cgroup)
		if t.Failed() {
			t.Logf("console of the machine:\n%s", &console)
		}
	})
	m := &machine{init: cmd.Process.Pid, root: "/proc/" + strconv.Itoa(cmd.Process.Pid) + "/root"}
	up.SetReadDeadline(time.Now().Add(time.Minute))
	for text := make([]byte, 4096); ; {
		n, err := up.Read(text)
		if err != nil {
			t.Fatalf("the machine does not come up: %s", err)
		}
		if strings.Contains(string(text[:n]), "READY=1") {
			break
		}
	}
	return m
}

// enter gives the arguments with which nsenter runs a command in the machine.
func (m *machine) enter(command ...string) []string {
	return append([]string{"-t", strconv.Itoa(m.init), "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w", "--"}, command...)
}

// command prepares a shell script that runs in the machine as root.
func (m *machine) command(script string) *exec.Cmd {
	cmd := exec.Command("nsenter", m.enter("/bin/bash", "-euc", script)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

// sh runs a script and gives what it said, which ends the test where its status is not 0.
func (m *machine) sh(t *testing.T, script string) string {
	t.Helper()
	out, err := m.command(script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s\n%s", script, err, out, m.service())
	}
	return string(out)
}

// service tells of the service, for the message of a failing test.
func (m *machine) service() string {
	out, _ := m.command("systemctl --no-pager --full status fedmsg.service fedmsg.socket").CombinedOutput()
	return string(out)
}

// copyIn puts a file into the machine's /tmp and gives its name there.
func (m *machine) copyIn(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("/tmp", filepath.Base(file))
	if err := os.WriteFile(m.root+name, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// newCgroup makes a control group for a machine.
func newCgroup(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			dir, err := os.MkdirTemp(f[1], "fedmsg-test-")
			if err != nil {
				fedmsgtest.Missing(t, "control groups that can be made: "+err.Error())
			}
			return dir
		}
	}
	fedmsgtest.Missing(t, "control groups (cgroup2)")
	return ""
}

// removeCgroup removes a control group and those that systemd made in it.
func removeCgroup(t *testing.T, dir string) {
	var all []string
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, name)
		}
		return nil
	})
	slices.Reverse(all) // the inner ones first
	for _, name := range all {
		if err := syscall.Rmdir(name); err != nil {
			t.Errorf("removing the control group %s: %s", name, err)
		}
	}
}
