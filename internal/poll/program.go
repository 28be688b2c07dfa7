package poll

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/program"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// lastWords is how many bytes of what a program says are kept for the operator.
const lastWords = 1 << 10

// printer asks a program, which prints the rows.
type printer struct {
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
	return &printer{command: c.Command, form: c.form(), timeout: c.Timeout, memory: memory{dir: dir}}, nil
}

// environment is all that a program finds in its own: where programs are, and a language in which output is the same everywhere.
func environment() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "TZ=UTC"}
}

// ask runs the program to its end. It starts in the root directory, in a group of its own, so that what it starts ends with it.
func (p *printer) ask(ctx context.Context, take func([]tabular.Cell) error) (same bool, err error) {
	p.asked()
	run, stop := context.WithCancel(ctx)
	defer stop()
	words := &program.Tail{Limit: lastWords}
	cmd := program.New(run, p.command)
	cmd.Dir, cmd.Env, cmd.Stderr = "/", environment(), words
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
	program.Reap(run, cmd)
	return same, p.judge(ctx, readErr, waitErr, ops.Printable(words.String()))
}

// judge says what the end of the program means: rows count only with a good one.
func (p *printer) judge(ctx context.Context, readErr, waitErr error, words string) error {
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
