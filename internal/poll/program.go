package poll

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

const (
	grace     = 2 * time.Second // from asking a program to end to ending it
	lastWords = 1 << 10         // bytes of what a program says that are kept for the operator
)

// program asks a program, which prints the rows.
type program struct {
	command []string
	form    tabular.Options
	timeout time.Duration
	memory
}

func newProgram(s *receive.Config, c *Config, dir string) (asker, error) {
	var faults []error
	if s.From != Scheme+schemeExec+":" {
		faults = append(faults, fault(`from of a program is poll+exec: and nothing else; the program stands in poll.command = ["/usr/local/bin/rows", "--all"]`))
	}
	if len(c.Command) == 0 || c.Command[0] == "" {
		faults = append(faults, fault(`poll.command is missing; it names the program, as in command = ["/usr/local/bin/rows", "--all"]`))
	}
	faults = append(faults, noFiles(s.Files(), schemeExec+":"), c.unwanted(s.From, map[string]bool{"command": true, "format": true, "rows": true}))
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &program{command: c.Command, form: c.form(), timeout: c.Timeout, memory: memory{dir: dir}}, nil
}

// environment is all that a program finds in its own: where programs are, and a language in which output is the same everywhere.
func environment() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "TZ=UTC"}
}

// ask runs the program to its end. It starts in the root directory, in a group of its own, so that what it starts ends with it.
func (p *program) ask(ctx context.Context, take func([]tabular.Cell) error) (same bool, err error) {
	p.asked()
	run, stop := context.WithCancel(ctx)
	defer stop()
	words := &tail{}
	cmd := exec.CommandContext(run, p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = "/", environment(), words
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	out, in := io.Pipe()
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		return false, unavailable(err, "cannot start %s", p.command[0])
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = in.Close()
		ended <- err
	}()
	same, readErr := p.read(out, p.form, take)
	if readErr != nil {
		stop() // nobody reads what more it prints
	}
	_ = out.CloseWithError(io.ErrClosedPipe)
	waitErr := <-ended
	if run.Err() != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what did not end when it was asked to
	}
	return same, p.judge(ctx, readErr, waitErr, words.String())
}

// judge says what the end of the program means: rows count only with a good one.
func (p *program) judge(ctx context.Context, readErr, waitErr error, words string) error {
	if words != "" {
		words = "; it said: " + words
	}
	switch {
	case ctx.Err() != nil:
		return fedmsg.Errorf(fedmsg.CodeTimeout, "%s did not end within poll.timeout = %s and was ended%s", p.command[0], p.timeout, words)
	case readErr != nil && (waitErr == nil || fedmsg.CodeOf(readErr) == fedmsg.CodeTooLarge || fedmsg.CodeOf(readErr) == fedmsg.CodeBadBody):
		return readErr
	case readErr != nil && !isExit(waitErr):
		return readErr
	case waitErr != nil:
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s failed (%s), so that its rows do not count%s", p.command[0], waitErr, words)
	}
	return nil
}

// isExit reports whether a program ended by itself, and not well.
func isExit(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	return ok && e.Exited()
}

// tail keeps the end of what is written to it, for the operator. One goroutine writes.
type tail struct{ data []byte }

// Write keeps the end of p.
func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p[max(0, len(p)-lastWords):]...)
	t.data = t.data[max(0, len(t.data)-lastWords):]
	return len(p), nil
}

// String is what was kept, fit for a line of a log.
func (t *tail) String() string {
	return ops.Printable(strings.TrimSpace(strings.ToValidUTF8(string(t.data), "\ufffd")))
}
