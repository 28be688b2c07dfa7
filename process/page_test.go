package process

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// pageTime bounds the run of one page.
const pageTime = 2 * time.Minute

// repository is the project's directory, seen from this package.
const repository = ".."

// readPage reads a page of the repository.
func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is one fenced block of a page.
type block struct {
	info string // what stands behind the fence: sh, "sh skip", toml …
	text string
}

// blocks gives the fenced blocks of a page in order.
func blocks(page string) []block {
	var all []block
	var open *block
	for line := range strings.Lines(page) {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{info: strings.TrimSpace(info)}
		case fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return all
}

// script joins the blocks that a shell runs, in order, and stops at the first command that fails. On standard error it says
// which block runs.
func script(all []block) string {
	// Whatever a page leaves running ends with it.
	text := "set -eo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"
	for _, b := range all {
		if b.info == "sh" {
			first, _, _ := strings.Cut(strings.TrimSpace(b.text), "\n")
			text += "echo " + quoted("== "+first) + " >&2\n" + b.text
		}
	}
	return text
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// shell is a bash in which nothing of the machine's fedmsg is seen or touched.
type shell struct {
	dir string   // where it runs
	env []string // KEY=VALUE, all of it
}

// newShell gives a shell that runs in dir, with the user's directories below home and the program as `fedmsg`.
func newShell(t *testing.T, dir, home string, extra ...string) *shell {
	t.Helper()
	bin := filepath.Join(home, "bin")
	for _, d := range []string{bin, filepath.Join(home, "state"), filepath.Join(home, "run"), filepath.Join(home, "config"), filepath.Join(home, "tmp")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(fedmsgtest.Binary(t), filepath.Join(bin, "fedmsg")); err != nil {
		t.Fatal(err)
	}
	var env []string
	for _, kv := range os.Environ() {
		key, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(key, "FEDMSG_"), strings.HasPrefix(key, "XDG_"), strings.HasPrefix(key, "GIT_"),
			key == "STATE_DIRECTORY", key == "RUNTIME_DIRECTORY", key == "NOTIFY_SOCKET", key == "PATH", key == "HOME", key == "TMPDIR":
		default:
			env = append(env, kv)
		}
	}
	config := filepath.Join(home, "fedmsg.toml") // an empty one, so that the machine's is not read
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(env,
		"FEDMSG_CONFIG="+config, "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+home, "TMPDIR="+filepath.Join(home, "tmp"),
		"XDG_STATE_HOME="+filepath.Join(home, "state"), "XDG_RUNTIME_DIR="+filepath.Join(home, "run"),
		"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "FEDMSG_SPOOL_DIRECTORY="+filepath.Join(home, "spool"),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
	)
	// The caches stay those of the machine; -trimpath makes what is in them fit for another directory.
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	return &shell{dir: dir, env: append(append(env, "GOFLAGS=-trimpath -buildvcs=false"), extra...)}
}

// run runs a script to its end and gives what it printed. It fails the test when the script fails or takes too long; what
// the script has started is then ended with it.
func (s *shell) run(t *testing.T, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), pageTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what a failed script has left; mostly there is nothing
	if err != nil {
		t.Fatalf("%v %v\nstdout:\n%s\nstderr:\n%s", err, ctx.Err(), clipEnd(out.String()), clipEnd(diag.String()))
	}
	return out.String() + diag.String()
}

// clipEnd gives the end of a text, for the message of a failing test.
func clipEnd(s string) string { return s[max(0, len(s)-8000):] }
