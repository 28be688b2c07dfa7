package fedmsgtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// pythonPath is the interpreter that has the system's packages, libzmq's among them.
const pythonPath = "/usr/bin/python3"

// hasZeroMQ asks once whether it has.
var hasZeroMQ = sync.OnceValue(func() bool { return exec.Command(pythonPath, "-c", "import zmq").Run() == nil })

// PythonZMQ gives the path of a Python with libzmq, the reference for whoever speaks ZeroMQ. Without one the test is skipped.
func PythonZMQ(t testing.TB) string {
	t.Helper()
	if !hasZeroMQ() {
		Missing(t, "the package python3-zmq")
	}
	return pythonPath
}

// scriptTime is how long a script may live. It is only used up by a test that hangs.
func scriptTime() time.Duration {
	if Long() {
		return 20 * time.Minute
	}
	return 5 * time.Minute
}

// maxScriptLine bounds a line of a script's answer.
const maxScriptLine = 256 << 20

// Script is a process of a Python script that is spoken to in lines. One goroutine at a time may use it.
type Script struct {
	In  io.WriteCloser // its standard input
	Out *bufio.Scanner // the lines of its standard output

	t    testing.TB
	cmd  *exec.Cmd
	diag lockedBuffer // its standard error
	once sync.Once    // for Kill
}

// StartScript starts a script of a Python with libzmq. It ends with the test at the latest; what it said on standard error is
// shown if the test has failed.
func StartScript(t testing.TB, file string, args ...string) *Script {
	t.Helper()
	s := &Script{t: t, cmd: exec.Command(PythonZMQ(t), append([]string{file}, args...)...)}
	s.cmd.Stderr = &s.diag
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.In, s.Out = in, bufio.NewScanner(out)
	s.Out.Buffer(nil, maxScriptLine)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(scriptTime(), func() { _ = s.cmd.Process.Kill() })
	t.Cleanup(func() {
		guard.Stop()
		s.Kill()
		if text := s.diag.String(); t.Failed() && text != "" {
			t.Logf("%s %q: %s", file, args, text)
		}
	})
	return s
}

// Do says a line to the script.
func (s *Script) Do(format string, args ...any) {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.In, format+"\n", args...); err != nil {
		s.t.Fatalf("the script takes no lines any more: %v", err)
	}
}

// Expect reads a line that begins with the word and gives the rest.
func (s *Script) Expect(word string) string {
	s.t.Helper()
	if !s.Out.Scan() {
		s.t.Fatalf("the script ended where %q was awaited: %v", word, s.Out.Err())
	}
	got, rest, _ := strings.Cut(s.Out.Text(), " ")
	if got != word {
		s.t.Fatalf("the script said %.500q where %q was awaited", s.Out.Text(), word)
	}
	return rest
}

// Kill ends the process at once, as a crash does, and waits for it.
func (s *Script) Kill() {
	s.once.Do(func() {
		s.In.Close()
		_ = s.cmd.Process.Kill() // it may have ended
		_ = s.cmd.Wait()         // killed
	})
}

// lockedBuffer is written to by the process while a test may read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
