// Package trigger starts a program for each entry.
//
// It promises that no shell is between: what stands in a message reaches the program on its standard input and in its
// environment, and never as a word of a command line. A program that takes too long is ended with all that it started. What
// the program's end means is said in [Deliver].
//
// The program runs as the user of the process, with its environment but for what speaks of this process itself.
package trigger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/program"
)

// SinkInFlight is how many programs run at once where nothing is said: one, so that they run in the log's order.
const SinkInFlight = 1

// Ends of a program by which it gives a message up, as sysexits.h and the mail world have them. Zero is success; after any other
// end the message is tried again.
const (
	exitBadData   = 65
	exitPermanent = 100
)

const (
	defaultTimeout = time.Minute // of one run
	kept           = 2 << 10     // bytes of a program's last words that are kept for the operator
)

// Options says what to start, and how.
type Options struct {
	Command []string      // the program and its arguments; at least the program
	Timeout time.Duration // of one run; 0 means a minute
	Stdout  io.Writer     // of the program; nil keeps the last of it for the operator's log
	Stderr  io.Writer     // likewise
	Logger  *slog.Logger  // nil discards
}

// Command starts a program for each entry. It is safe for concurrent use.
type Command struct{ o Options }

// Find tells whether this user may start a program now, by its path or its name in PATH. The error has [fedmsg.CodeConfig].
func Find(name string) error {
	if _, err := exec.LookPath(name); err == nil {
		return nil
	}
	cure := ""
	if strings.ContainsAny(name, " |;&<>$") {
		cure = "; program and arguments are elements of their own, and no shell reads them"
	}
	return fedmsg.Errorf(fedmsg.CodeConfig, "cannot start %q: there is no such program that this user may run%s", name, cure)
}

// New checks that a program is named, which need not be there yet: until it is, what is given to Deliver waits.
func New(o Options) (*Command, error) {
	if len(o.Command) == 0 || o.Command[0] == "" {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, `command names no program; write command = ["/usr/local/bin/rebuild", "--quick"]`)
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Command{o}, nil
}

// NewSink makes the sink of a [[sink]] with command. Its answer_timeout is the time of one run.
func NewSink(c deliver.Config, logger *slog.Logger) (deliver.Sink, error) {
	cmd, err := New(Options{Command: c.Command, Timeout: c.AnswerTimeout, Logger: logger})
	if err != nil {
		return nil, err
	}
	return deliver.Each(cmd, max(c.InFlight, SinkInFlight)), nil
}

// Patience is how long the runner of such a sink may hear nothing of an entry: the time of one run and of what ends it.
func Patience(c deliver.Config) time.Duration {
	run := c.AnswerTimeout
	if run <= 0 {
		run = defaultTimeout
	}
	return run + 2*program.Grace
}

// Deliver runs the program with the envelope and a line break on its standard input. The end of the program is the answer:
// 0 is delivered; 65 and 100 give the message up; any other end, by a signal or for lack of time too, has it tried again. A program
// that is not there, or that nobody may start, says nothing of the message, which waits for it.
func (c *Command) Deliver(ctx context.Context, e *fedmsg.Entry) error {
	run, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	words := &program.Tail{Limit: kept}
	cmd := program.New(run, c.o.Command) // what it starts goes with it, as nobody would wait for that
	cmd.Stdin = io.MultiReader(bytes.NewReader(e.Envelope), strings.NewReader("\n"))
	cmd.Stdout, cmd.Stderr = orElse(c.o.Stdout, words), orElse(c.o.Stderr, words)
	cmd.Env = append(environment(os.Environ()), variables(e)...)
	err := cmd.Run()
	program.Reap(run, cmd)
	if errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success() {
		err = nil // it left something running that holds its output open
	}
	if err == nil {
		return nil
	}
	return c.failed(ctx, run, cmd, err, words.String())
}

func orElse(w io.Writer, otherwise io.Writer) io.Writer {
	if w != nil {
		return w
	}
	return otherwise
}

// failed says what the end of the program means.
func (c *Command) failed(ctx, run context.Context, cmd *exec.Cmd, err error, words string) error {
	if words != "" {
		words = "; it said: " + ops.Printable(words)
	}
	name := c.o.Command[0]
	switch {
	case ctx.Err() != nil:
		return fedmsg.Errorf(fedmsg.CodeInterrupted, "%s was ended because the sink stops", name)
	case run.Err() != nil:
		return fedmsg.Errorf(fedmsg.CodeTimeout, "%s did not end within %s and was ended%s", name, c.o.Timeout, words)
	case cmd.ProcessState == nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, exec.ErrNotFound)):
		return deliver.NotNow(fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot start %s", name))
	case cmd.ProcessState == nil:
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot start %s", name)
	}
	code := cmd.ProcessState.ExitCode()
	switch code {
	case exitBadData, exitPermanent:
		return deliver.Permanent(fedmsg.Errorf(fedmsg.CodeBadRequest, "%s gave the message up with exit status %d%s", name, code, words))
	case -1:
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s ended by a signal (%s)%s", name, cmd.ProcessState, words)
	}
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s ended with exit status %d%s", name, code, words)
}
