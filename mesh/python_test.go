package mesh_test

import (
	"encoding/json"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// process is one of testdata/oldbus.py, which imports nothing of this project.
type process struct {
	*fedmsgtest.Script
	t   testing.TB
	uri string // what it is bound to
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
	p := &process{Script: fedmsgtest.StartScript(t, "testdata/oldbus.py", args...), t: t}
	p.uri = p.answer().URI
	return p
}

// do has it do one thing, and waits until it is done.
func (p *process) do(command map[string]any) said {
	p.t.Helper()
	text, err := json.Marshal(command)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Do("%s", text)
	return p.answer()
}

// answer reads one line.
func (p *process) answer() said {
	p.t.Helper()
	var s said
	if !p.Out.Scan() {
		p.t.Fatal("the process of the old bus has ended", p.Out.Err())
	}
	if err := json.Unmarshal(p.Out.Bytes(), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}
