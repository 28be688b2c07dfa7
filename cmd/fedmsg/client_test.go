package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestClientScript runs testdata/client: the verbs that talk to a node, against one that a script starts with "node start"
// and stops with "node stop".
func TestClientScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/client",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GORACE", raceOptions())
			e.Setenv("TZ", "UTC")
			for _, name := range []string{"XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
				e.Setenv(name, filepath.Join(e.WorkDir, name))
			}
			e.Setenv("FEDMSG_NODE", "unix://"+filepath.Join(e.WorkDir, "node.sock"))
			e.Setenv("FEDMSG_SPOOL_DIRECTORY", filepath.Join(e.WorkDir, "spool"))
			e.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(e.WorkDir, "gitconfig"))
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			n := &scriptNode{stop: func() {}}
			e.Values["node"] = n
			e.Defer(func() { n.stop() })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status, "node": node},
	})
}

// scriptNode is a node in this process.
type scriptNode struct{ stop func() }

// node is "node start" or "node stop".
func node(ts *testscript.TestScript, neg bool, args []string) {
	n := ts.Value("node").(*scriptNode)
	switch strings.Join(args, " ") {
	case "start":
		n.start(ts)
	case "stop":
		n.stop()
	default:
		ts.Fatalf("usage: node start|stop")
	}
}

// start runs `fedmsg serve` and returns when it listens.
func (n *scriptNode) start(ts *testscript.TestScript) {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	log := &strings.Builder{}
	// The spool is the scripts' to drain, and they publish on topics of many sites.
	ts.Check(os.WriteFile(ts.MkAbs("node.toml"), []byte("[spool]\ndirectory = \"\"\n[http]\nlisten = []\n[zeromq]\npublish = []\n[signing]\ntopics = [\"#\"]\n"), 0o600))
	p := &program{
		name: "fedmsg", stdin: strings.NewReader(""), stdout: in, stderr: log,
		args:    []string{"serve", "--config", ts.MkAbs("node.toml"), "--state", ts.MkAbs("state"), "--socket", ts.MkAbs("node.sock")},
		environ: func() []string { return []string{"HOME=" + ts.Getenv("HOME")} },
	}
	done := make(chan int, 1)
	go func() {
		done <- p.run(ctx)
		in.Close()
	}()
	listening := make(chan bool, 1)
	go func() {
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			if strings.HasPrefix(scan.Text(), "listening on ") {
				listening <- true
			}
		}
		listening <- false
	}()
	n.stop = func() {
		cancel()
		if status := <-done; status != 0 {
			ts.Logf("the node ended with status %d: %s", status, log)
		}
		n.stop = func() {}
	}
	if !<-listening {
		n.stop()
		ts.Fatalf("the node does not listen: %s", log)
	}
}

// hungNode takes connections and never reads or answers, as a stopped process does.
func hungNode(t *testing.T) (uri string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return "unix://" + path
}
