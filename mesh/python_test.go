package mesh_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// python is the one that has the system's packages.
const python = "/usr/bin/python3"

// hasZeroMQ asks once.
var hasZeroMQ = sync.OnceValue(func() bool { return exec.Command(python, "-c", "import zmq").Run() == nil })

// process is one of testdata/oldbus.py, which imports nothing of this project.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	stderr strings.Builder
	uri    string // what it is bound to
}

// said is what a process answers.
type said struct {
	URI      string
	OK       bool
	Frames   []string
	Messages [][]string
}

// oldbus starts one and waits until it is ready.
func oldbus(t testing.TB, args ...string) *process {
	t.Helper()
	if !hasZeroMQ() {
		fedmsgtest.Missing(t, "the package python3-zmq")
	}
	p := &process{t: t, cmd: exec.Command(python, append([]string{"testdata/oldbus.py"}, args...)...)}
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewScanner(out)
	p.out.Buffer(nil, 256<<20)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() && p.stderr.Len() > 0 {
			t.Log(p.stderr.String())
		}
	})
	p.uri = p.answer().URI
	return p
}

// kill ends it at once.
func (p *process) kill() {
	p.in.Close()
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

// do has it do one thing, and waits until it is done.
func (p *process) do(command map[string]any) said {
	p.t.Helper()
	text, err := json.Marshal(command)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		p.t.Fatal(err, p.stderr.String())
	}
	return p.answer()
}

// answer reads one line.
func (p *process) answer() said {
	p.t.Helper()
	var s said
	if !p.out.Scan() {
		p.t.Fatal("the process of the old bus has ended", p.out.Err(), p.stderr.String())
	}
	if err := json.Unmarshal(p.out.Bytes(), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}
