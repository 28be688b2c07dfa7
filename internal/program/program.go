// Package program starts programs that are ended with all that they have started, and keeps their last words.
package program

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Grace is how long a program has from being asked to end until it is ended, and for how long output is read of what it leaves running.
const Grace = 2 * time.Second

// New prepares a program and its arguments, of which there is at least the first, in a process group of its own. When ctx ends the whole
// group is asked to end. The caller calls [Reap] when the program has ended.
func New(ctx context.Context, command []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = Grace
	return cmd
}

// Reap ends what is left of the group of a program that was asked to end, as ctx tells. The program itself was waited for, or never began.
func Reap(ctx context.Context, cmd *exec.Cmd) {
	if cmd.Process != nil && ctx.Err() != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// Tail keeps the end of what is written to it, at most so many bytes. One goroutine at a time writes, as package exec holds for two outputs
// that are the same.
type Tail struct {
	Limit int
	data  []byte
}

// Write keeps the end of p.
func (t *Tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p[max(0, len(p)-t.Limit):]...)
	t.data = t.data[max(0, len(t.data)-t.Limit):]
	return len(p), nil
}

// String is what was kept, as UTF-8 and without white space around it. It may still command a terminal.
func (t *Tail) String() string {
	return strings.TrimSpace(strings.ToValidUTF8(string(t.data), "\ufffd"))
}
