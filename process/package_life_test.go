package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// packageLife takes the Debian package through its life on a machine: installed, used by several users, upgraded while one of
// them publishes, removed, purged. The node runs by its units as they are, under systemd.
func packageLife(t *testing.T, m *machine, p packages) {
	first, next := m.copyIn(t, p.deb), m.copyIn(t, p.next)
	start := time.Now()
	m.sh(t, "apt-get install -q -y --no-install-recommends "+first)
	published := publishAs(t, m, "root", "the first message", 0)
	t.Logf("from the package to the first message: %s", time.Since(start).Round(10*time.Millisecond))
	packageUnits(t, m)
	m.sh(t, "useradd --no-create-home --groups fedmsg ann; useradd --no-create-home bob")
	m.sh(t, `sed -i 's/^#environment = .*/environment = "prod"/; s/^#topic_prefix = .*/topic_prefix = "org.debian"/' /etc/fedmsg/fedmsg.toml`)
	m.sh(t, "systemctl restart fedmsg.service")
	published += publishAs(t, m, "ann", "of the group", 0)
	publishAs(t, m, "bob", "of nobody", fedmsg.CodeForbidden.ExitStatus())

	m.sh(t, "systemctl stop fedmsg.service")
	published += publishAs(t, m, "ann", "starts the node by its socket", 0)
	m.sh(t, "systemctl kill --kill-whom=main --signal=KILL fedmsg.service")
	published += publishAs(t, m, "ann", "waits for the node to start anew", 0)
	m.sh(t, "systemctl stop fedmsg.socket fedmsg.service")
	published += publishAs(t, m, "ann", "waits in the spool", fedmsg.CodeQueued.ExitStatus())
	m.sh(t, "systemctl start fedmsg.service")
	published += packageUpgrade(t, m, next)
	packageKept(t, m, published)
	packageGone(t, m)
}

// publishAs publishes as a user, and wants the command to end with a status. It gives the number of messages it published: 1.
func publishAs(t *testing.T, m *machine, user, text string, status int) int {
	t.Helper()
	cmd := m.command(asUser(user) + " fedmsg publish --topic life.message.new --message '" + text + "'")
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%s publishes %q: status %d (%v), want %d\n%s\n%s", user, text, got, err, status, out, m.service())
	}
	return 1
}

// asUser begins a command line that runs as a user.
func asUser(user string) string {
	return "setpriv --reuid=" + user + " --regid=" + user + " --init-groups env HOME=/tmp"
}

// packageUnits holds the units against what systemd says of them, and the running node against what they say.
func packageUnits(t *testing.T, m *machine) {
	t.Helper()
	if out := m.sh(t, "systemd-analyze verify --man=no /usr/lib/systemd/system/fedmsg.service /usr/lib/systemd/system/fedmsg.socket 2>&1 | grep fedmsg || true"); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	m.sh(t, "systemd-analyze security --offline=true --threshold=20 /usr/lib/systemd/system/fedmsg.service")
	m.sh(t, "systemctl is-active fedmsg.service fedmsg.socket; systemctl is-enabled fedmsg.service fedmsg.socket")
	m.sh(t, "test -L /etc/systemd/system/multi-user.target.wants/fedmsg.service -a -L /etc/systemd/system/sockets.target.wants/fedmsg.socket")
	status := m.sh(t, `pid=$(systemctl show --property=MainPID --value fedmsg.service); stat -c %U:%G /proc/$pid; grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' /proc/$pid/status | tr -s '\t ' ' '`)
	for _, want := range []string{"fedmsg:fedmsg\n", "NoNewPrivs: 1", "Seccomp: 2", "CapEff: 0000000000000000", "CapBnd: 0000000000000000"} {
		if !strings.Contains(status, want) {
			t.Errorf("the node's process is not %q: %s", want, status)
		}
	}
	got := m.sh(t, "stat -c '%a %U %G %n' /var/lib/fedmsg /var/spool/fedmsg /run/fedmsg /run/fedmsg/fedmsg.sock /etc/fedmsg/fedmsg.toml")
	if want := "700 fedmsg fedmsg /var/lib/fedmsg\n3733 fedmsg fedmsg /var/spool/fedmsg\n755 fedmsg fedmsg /run/fedmsg\n" +
		"660 fedmsg fedmsg /run/fedmsg/fedmsg.sock\n644 root root /etc/fedmsg/fedmsg.toml\n"; got != want {
		t.Errorf("directories and socket:\n%swant\n%s", got, want)
	}
}

// packageUpgrade upgrades while ann publishes one message after another, and gives the number of her messages. None of them
// may fail: they wait in the socket while the node starts anew.
func packageUpgrade(t *testing.T, m *machine, next string) int {
	t.Helper()
	publisher := m.command(`n=0
		while [ ! -e /run/enough ]; do
			n=$((n + 1))
			` + asUser("ann") + ` fedmsg publish --topic life.message.new --message "upgrade $n" >/dev/null || echo "$n: status $?" >&2
			[ $n != 3 ] || echo going
		done
		echo $n`)
	going, err := publisher.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var failures strings.Builder
	publisher.Stderr = &failures
	if err := publisher.Start(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 64)
	if _, err := going.Read(text); err != nil {
		t.Fatalf("the publisher does not begin: %v %s", err, &failures)
	}
	const pid = "systemctl show --property=MainPID --value fedmsg.service"
	before := m.sh(t, pid)
	m.sh(t, "dpkg --install "+next)
	if after := m.sh(t, pid); after == before || after == "0\n" {
		t.Errorf("after the upgrade the node is the process %s as before", after)
	}
	m.sh(t, "touch /run/enough")
	n, err := going.Read(text)
	if err != nil {
		t.Fatalf("the publisher says no number: %v %s", err, &failures)
	}
	if err := publisher.Wait(); err != nil || failures.Len() > 0 {
		t.Errorf("publishing during the upgrade: %v %s", err, &failures)
	}
	count, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || count < 4 {
		t.Fatalf("the publisher says %q", text[:n])
	}
	t.Logf("%d messages during the upgrade", count)
	return count
}

// packageKept holds that each message is in the log once, whatever became of the node, and that the administrator's
// configuration is as it was.
func packageKept(t *testing.T, m *machine, published int) {
	t.Helper()
	tail := m.sh(t, "timeout 60 fedmsg tail --since 1h --format raw --limit "+strconv.Itoa(published))
	seen := make(map[string]int)
	for line := range strings.Lines(tail) {
		_, message, _ := strings.Cut(line, `"msg":`)
		message, _, _ = strings.Cut(message, "}")
		seen[message]++
	}
	if len(seen) != published {
		t.Errorf("%d messages of %d are there: %v", len(seen), published, seen)
	}
	m.sh(t, `grep -qx 'environment = "prod"' /etc/fedmsg/fedmsg.toml`)
	if out := m.sh(t, "fedmsg log info --format json"); !strings.Contains(out, `"entries": `+strconv.Itoa(published)+",") {
		t.Errorf("the log has other entries than the %d that were published: %s", published, out)
	}
}

// packageGone removes the package, which leaves what the node kept, and purges it, which leaves nothing.
func packageGone(t *testing.T, m *machine) {
	t.Helper()
	m.sh(t, "dpkg --remove fedmsg")
	m.sh(t, "! systemctl is-active fedmsg.service fedmsg.socket")
	m.sh(t, "test ! -e /usr/bin/fedmsg -a ! -e /usr/bin/fedmsg-logger -a -d /var/lib/fedmsg -a -d /var/spool/fedmsg -a -e /etc/fedmsg/fedmsg.toml")
	m.sh(t, "dpkg --purge fedmsg")
	left := m.sh(t, "for f in /etc/fedmsg /var/lib/fedmsg /var/spool/fedmsg /run/fedmsg /etc/systemd/system/*/fedmsg.* /var/lib/systemd/deb-systemd-helper-*/*fedmsg*; do [ ! -e $f -a ! -L $f ] || echo $f; done")
	if left != "" {
		t.Errorf("purged, it leaves\n%s", left)
	}
	m.sh(t, "dpkg --purge fedmsg 2>&1 || true") // a second time it must not fail on what is gone
}

// debianRoot makes a Debian of nothing but what every system has, or takes that of FEDMSG_TEST_DEBIAN_ROOT.
func debianRoot(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("FEDMSG_TEST_DEBIAN_ROOT"); dir != "" {
		return dir
	}
	fedmsgtest.Root(t)
	dir := filepath.Join(t.TempDir(), "root")
	cmd := exec.Command(fedmsgtest.Tool(t, "debootstrap"), "--variant=minbase", "--include=systemd,ca-certificates", "stable", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("debootstrap: %v\n%s", err, out)
	}
	return dir
}
