package fedmsgtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// GPG is the real gpg with a home of its own, in which there are no keys at first; those it makes have no passphrase. One goroutine
// at a time uses it.
type GPG struct {
	Home    string // with a short path, as the socket of its agent lies there
	t       testing.TB
	program string
}

// NewGPG makes one. Its agent ends with the test.
func NewGPG(t testing.TB) *GPG {
	t.Helper()
	g := &GPG{t: t, program: Tool(t, "gpg")}
	end := Tool(t, "gpgconf")
	var err error
	if g.Home, err = os.MkdirTemp("", "g"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command(end, "--homedir", g.Home, "--kill", "all").Run() // without an agent there is nothing to end
		if err := os.RemoveAll(g.Home); err != nil {
			t.Error(err)
		}
	})
	return g
}

// Try runs gpg as if it were a time such as 20240101T000000, which is now if empty, and gives what it wrote, and what it said of it.
func (g *GPG) Try(at string, stdin []byte, args ...string) (out []byte, diag string, err error) {
	all := []string{"--homedir", g.Home, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}
	if at != "" {
		all = append(all, "--faked-system-time", at+"!")
	}
	cmd := exec.Command(g.program, append(all, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	err = cmd.Run()
	return stdout.Bytes(), stderr.String(), err
}

// Run is [GPG.Try] where a failure ends the test.
func (g *GPG) Run(at string, stdin []byte, args ...string) []byte {
	g.t.Helper()
	out, diag, err := g.Try(at, stdin, args...)
	if err != nil {
		g.t.Fatalf("gpg %q: %s\n%s", args, err, diag)
	}
	return out
}

// NewKey makes a key as --quick-gen-key takes it, and gives its fingerprint.
func (g *GPG) NewKey(at, name, algorithm, usage, expires string) string {
	g.t.Helper()
	g.Run(at, nil, "--quick-gen-key", name, algorithm, usage, expires)
	for line := range strings.Lines(string(g.Run(at, nil, "--with-colons", "--list-keys", "="+name))) {
		if f := strings.Split(line, ":"); f[0] == "fpr" && len(f) > 9 {
			return f[9]
		}
	}
	g.t.Fatalf("gpg made no key for %s", name)
	return ""
}

// Revoke revokes a key by the certificate that gpg made with it, and guards with a colon from being imported by mistake.
func (g *GPG) Revoke(at, fingerprint string) {
	g.t.Helper()
	guarded, err := os.ReadFile(filepath.Join(g.Home, "openpgp-revocs.d", fingerprint+".rev"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.Run(at, bytes.Replace(guarded, []byte("\n:-----BEGIN"), []byte("\n-----BEGIN"), 1), "--import")
}
