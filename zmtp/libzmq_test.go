package zmtp

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// libzmq is a socket of libzmq in a process of its own.
type libzmq struct {
	t   *testing.T
	uri string
	in  io.WriteCloser
	out *bufio.Scanner
}

// startLibzmq starts testdata/peer.py. how is bind or connect; the options are NAME=VALUE as zmq.setsockopt has them.
func startLibzmq(t *testing.T, kind SocketType, how, uri string, options ...string) *libzmq {
	t.Helper()
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import zmq").Run() != nil {
		fedmsgtest.Missing(t, "the package python3-zmq")
	}
	cmd := exec.Command(python, append([]string{"testdata/peer.py", kind.String(), how, uri}, options...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		guard.Stop()
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() && stderr.Len() > 0 {
			t.Log(stderr.String())
		}
	})
	p := &libzmq{t: t, in: in, out: bufio.NewScanner(out)}
	p.out.Buffer(nil, 64<<20)
	p.uri = p.expect("ready")
	return p
}

// do writes a line.
func (p *libzmq) do(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		p.t.Fatal(err)
	}
}

// expect reads a line that begins with the word and gives the rest.
func (p *libzmq) expect(word string) string {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("libzmq ended where %q was awaited: %v", word, p.out.Err())
	}
	got, rest, _ := strings.Cut(p.out.Text(), " ")
	if got != word {
		p.t.Fatalf("libzmq said %q where %q was awaited", p.out.Text(), word)
	}
	return rest
}

// send has it send a message.
func (p *libzmq) send(frames ...string) { p.t.Helper(); p.do("send %s", hexFrames(frames)) }

// receive has it receive one message.
func (p *libzmq) receive() []string {
	p.t.Helper()
	p.do("recv 1")
	var m []string
	for word := range strings.FieldsSeq(p.expect("got")) {
		b, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			p.t.Fatal(err)
		}
		m = append(m, string(b))
	}
	return m
}

func hexFrames(frames []string) string {
	words := make([]string, len(frames))
	for i, f := range frames {
		if words[i] = hex.EncodeToString([]byte(f)); f == "" {
			words[i] = "-"
		}
	}
	return strings.Join(words, " ")
}
