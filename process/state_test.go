package process

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// stateFixture has one of each file that a node and its commands kept in format 1, as the script make in it wrote them. It is kept: every
// later version must open it. A new format gets a fixture beside it.
const stateFixture = "testdata/state1"

// stateCopy is a copy of the fixture with the modes that its files must have, which git does not keep.
func stateCopy(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state1")
	if err := os.CopyFS(dir, os.DirFS(stateFixture)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(name, map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()])
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// stateNode is a node on the copy, which is not started: with the sinks and the source of the fixture, whose other end is gone.
func stateNode(t *testing.T, dir string) *fedmsgtest.Node {
	t.Helper()
	node := fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{
		State: filepath.Join(dir, "state"), Archive: "sqlite",
		Env: []string{"FEDMSG_SPOOL_DIRECTORY=" + filepath.Join(dir, "spool")},
		Config: `[zeromq]
publish = ["tcp://127.0.0.1:0?curve=yes"]
replay = ["tcp://127.0.0.1:0"]
seq_id = "wiki.here"
subscribe = ["tcp://127.0.0.1:9?name=bodhi.other&verify=if-signed"]

[signing]
name = "wiki.example.org"

[[zeromq_client]]
name = "listener"
key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
topics = ["#"]

[[sink]]
name = "taken"
command = ["/bin/true"]
topics = ["#.page.#"]

[[sink]]
name = "refused"
command = ["/bin/sh", "-c", "exit 65"]
topics = ["#.bug.#"]

[[source]]
name = "other"
from = "unix://` + dir + `/nobody.sock"
topics = ["org.other.#"]
verify = "if-signed"
`,
	})
	return node
}

// TestStateOfFormat1 goes on with a state directory of format 1 and all that stands in it, and with the other files of that time.
func TestStateOfFormat1(t *testing.T) {
	t.Parallel()
	dir := stateCopy(t)
	if r := fedmsgtest.CLI(t, nil, "check", "log", "--state", filepath.Join(dir, "state")); r.Status != 0 {
		t.Errorf("check log: %s", r)
	}
	node := stateNode(t, dir)
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	entries := readFile(t, filepath.Join(dir, "entries.jsonl"))
	if got := cliOK(t, node, "tail", "--after", "0", "--limit", "7", "--format", "json"); got != entries {
		t.Errorf("the log has\n%s\nwant\n%s", got, entries)
	}
	drained := cliOK(t, node, "tail", "--topic", "#.page.edit", "--after", strings.Split(entries, `"`)[3], "--where", "msg.page == 'in the spool'", "--limit", "1", "--format", "raw")
	if !strings.Contains(drained, `"i":`) || !strings.Contains(drained, "waits-1") {
		t.Errorf("of the spool came %s", drained)
	}
	for question, want := range map[string]string{"boots fine": "page-41", "behind the adoption": "page-42", "after these": "early-4"} {
		if got := cliOK(t, node, "query", "--topic", "#", "--text", question, "--format", "json"); !strings.Contains(got, `"id":"`+want+`"`) {
			t.Errorf("the archive has of %q\n%s", question, got)
		}
	}
	if got := cliOK(t, node, "query", "--topic", "#", "--text", "hunter2", "--format", "json"); got != "" {
		t.Errorf("the archive has what was redacted: %s", got)
	}
	if r := node.CLI(t, nil, "publish", "--no-spool", "--topic", "wiki.page.edit", "--id", "secret-1", "--message", "again"); !strings.Contains(r.Stderr, "redacted") {
		t.Errorf("the id of what was redacted: %s", r)
	}
	letters := cliOK(t, node, "dead", "list")
	for letter, message := range map[string]string{"sink/refused/1": `"number":90007`, "source/other/1": `"envelope":"eyJpIjoxLCJtc2ciOnsidXBkYXRlIjoxfSwi`} {
		if shown := cliOK(t, node, "dead", "show", letter); !strings.Contains(letters, letter) || !strings.Contains(shown, message) {
			t.Errorf("%s of\n%s\nis\n%s", letter, letters, shown)
		}
	}
	if w := sinksOf(t, node, "bug-1"); w.states() != "taken=not_wanted refused=dead" {
		t.Errorf("the fate of an old message is %s", w.states())
	}
	if got := cliOK(t, node, "sink", "ls"); !strings.Contains(got, "taken ") || strings.Contains(got, "stopped") {
		t.Errorf("sinks:\n%s", got)
	}
	if r := fedmsgtest.CLI(t, nil, "tail", "--node", node.URL, "--token-file", filepath.Join(dir, "token.secret"), "--after", "0", "--limit", "1", "--format", "raw"); r.Status != 0 {
		t.Errorf("the token of the reader: %s", r)
	}
	if got, want := cliOK(t, node, "keys", "show", "--pem", "--state", node.State), readFile(t, filepath.Join(dir, "node.pub")); got != want {
		t.Errorf("the key of the node is\n%swant\n%s", got, want)
	}
	node.Stop(t)
	stateBeside(t, dir)
}

// stateBeside goes on with what stands beside the state directory: an authority, a backup, an export.
func stateBeside(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"keys", "ca", "issue", "--dir", filepath.Join(dir, "ca"), "new.example.org"},
		{"keys", "ca", "revoke", "--dir", filepath.Join(dir, "ca"), "new.example.org"},
		{"backup", "verify", filepath.Join(dir, "backup")},
	} {
		if r := fedmsgtest.CLI(t, nil, args...); r.Status != 0 {
			t.Errorf("%q: %s", args, r)
		}
	}
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite"})
	cliOK(t, node, "archive", "import", filepath.Join(dir, "export.jsonl.zst"))
	if got := cliOK(t, node, "query", "--topic", "#", "--text", "boots fine", "--format", "terse"); !strings.Contains(got, "wiki.page.edit") {
		t.Errorf("of the export came\n%s", got)
	}
}

// TestNewerStateIsRefused meets each file that says its format, written by a newer version: it is refused by its name and number, and
// nothing is changed.
func TestNewerStateIsRefused(t *testing.T) {
	t.Parallel()
	sqlite := fedmsgtest.Tool(t, "sqlite3")
	for _, c := range []struct{ file, old, next, want string }{
		{"state/format", "1\n", "2\n", "has format 2"},
		{"state/log/log.json", `"format":1`, `"format":2`, "the log has format 2"},
		{"state/tokens.json", `"format": 1`, `"format": 2`, "tokens.json has format 2"},
		{"state/archive.sqlite", "", "PRAGMA user_version = 99", "the archive: its file has format 99"},
		{"backup/MANIFEST", `"format": 1`, `"format": 2`, "backup has format 2"},
		{"ca/index.json", `"format": 1`, `"format": 2`, "index.json has format 2"},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			dir := stateCopy(t)
			file := filepath.Join(dir, c.file)
			if c.old == "" {
				output(t, sqlite, file, c.next)
			} else if text := readFile(t, file); strings.Count(text, c.old) != 1 {
				t.Fatalf("%s does not say %q", c.file, c.old)
			} else if err := os.WriteFile(file, []byte(strings.Replace(text, c.old, c.next, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			before := contents(t, dir)
			if said := refuses(t, dir, c.file); !strings.Contains(said, c.want) || !strings.Contains(said, "newer") {
				t.Errorf("it says\n%s\nwant %q", said, c.want)
			}
			after := contents(t, dir)
			for name, sum := range before {
				if after[name] != sum && strings.HasPrefix(name, filepath.Dir(c.file)) {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

// refuses has the one read a file who reads it, and gives what it says.
func refuses(t *testing.T, dir, file string) string {
	t.Helper()
	var r fedmsgtest.Result
	switch file {
	case "backup/MANIFEST":
		r = fedmsgtest.CLI(t, nil, "backup", "verify", filepath.Join(dir, "backup"))
	case "ca/index.json":
		r = fedmsgtest.CLI(t, nil, "keys", "ca", "issue", "--dir", filepath.Join(dir, "ca"), "new.example.org")
	case "state/archive.sqlite": // the bus goes on
		r = fedmsgtest.CLI(t, nil, "query", "--archive", filepath.Join(dir, file), "--topic", "#")
	default:
		node := stateNode(t, dir)
		err := node.Start()
		if err == nil {
			t.Fatal("the node starts")
		}
		return node.Logs()
	}
	if r.Status == 0 {
		t.Errorf("it is not refused: %s", r)
	}
	return r.Stderr
}

// contents gives the hash of each file below a directory but for those that are locked.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.EqualFold(d.Name(), "lock") {
			return err
		}
		below, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(readFile(t, name)))
		sums[below] = hex.EncodeToString(sum[:])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}
