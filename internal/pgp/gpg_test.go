package pgp

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// When the keys of these tests are made, and the messages signed.
const (
	keyTime  = "20240101T000000"
	signTime = "20240201T000000"
)

// day gives a time of 2024.
func day(month time.Month, day int) time.Time {
	return time.Date(2024, month, day, 0, 0, 0, 0, time.UTC)
}

// gpg is the real program, with a directory of its own.
type gpg struct {
	t         *testing.T
	path, dir string
	serial    int // of files
}

func newGPG(t *testing.T) *gpg {
	t.Helper()
	g := &gpg{t: t, path: fedmsgtest.Tool(t, "gpg")}
	var err error
	if g.dir, err = os.MkdirTemp("", "g"); err != nil { // short: the path of the agent's socket is limited
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command(fedmsgtest.Tool(t, "gpgconf"), "--homedir", g.dir, "--kill", "all").Run()
		os.RemoveAll(g.dir)
	})
	return g
}

// try runs gpg at a time, which is now if empty, and gives what it wrote.
func (g *gpg) try(at string, stdin []byte, args ...string) (out []byte, diag string, err error) {
	all := []string{"--homedir", g.dir, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}
	if at != "" {
		all = append(all, "--faked-system-time", at+"!")
	}
	cmd := exec.Command(g.path, append(all, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	err = cmd.Run()
	return stdout.Bytes(), stderr.String(), err
}

// run is try where a failure ends the test.
func (g *gpg) run(at string, stdin []byte, args ...string) []byte {
	g.t.Helper()
	out, diag, err := g.try(at, stdin, args...)
	if err != nil {
		g.t.Fatalf("gpg %q: %s\n%s", args, err, diag)
	}
	return out
}

// newKey makes a key at keyTime and gives its fingerprint.
func (g *gpg) newKey(name, algorithm, usage, expires string) string {
	g.t.Helper()
	g.run(keyTime, nil, "--quick-gen-key", name, algorithm, usage, expires)
	for line := range strings.Lines(string(g.run(keyTime, nil, "--with-colons", "--list-keys", "="+name))) {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			return f[9]
		}
	}
	g.t.Fatal("gpg made no key")
	return ""
}

// export gives public keys as a ring.
func (g *gpg) export(args ...string) *Keyring {
	g.t.Helper()
	ring, err := ParseKeyring(g.run("", nil, append([]string{"--export"}, args...)...))
	if err != nil {
		g.t.Fatal(err)
	}
	return ring
}

// secret writes the secret key into a file that ReadPrivate takes.
func (g *gpg) secret(fingerprint string) string {
	g.t.Helper()
	return g.file(g.run("", nil, "--export-secret-keys", fingerprint))
}

// sign makes a detached signature at signTime.
func (g *gpg) sign(message []byte, fingerprint string, args ...string) []byte {
	g.t.Helper()
	return g.run(signTime, message, append(args, "--local-user", fingerprint, "--detach-sign")...)
}

// file writes a private file.
func (g *gpg) file(data []byte) string {
	g.t.Helper()
	g.serial++
	path := filepath.Join(g.dir, "f"+strings.Repeat("i", g.serial))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}
