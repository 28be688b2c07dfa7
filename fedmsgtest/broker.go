package fedmsgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// brokerPatience bounds the start and the stop of a broker: seconds on an idle machine.
const brokerPatience = 2 * time.Minute

// brokerScript becomes the server, which ends with descriptor 3, also when this process is killed. Where the server stands still
// just then the kernel sends all of them a SIGHUP, which must not end the one that waits.
const brokerScript = `trap '' HUP
(read x <&3; kill -9 -$$) &
exec "$0" "$@" 3<&-`

// broker is a real message broker in a process of its own, over its lives. One goroutine at a time starts and ends it; what is
// read of it any goroutine may read.
type broker struct {
	name      string // for errors
	ready     string // what its log says when it serves
	script    string // a shell script that becomes the server, and ends with descriptor 3, also when this process is killed
	args      []string
	env       []string // nil is this process's
	dir       string   // of all its files
	out       *output
	run       *run
	keepAlive *os.File // the server ends when it is closed, as it is when this process ends
}

// Start starts a server that does not run, and returns when it serves.
func (b *broker) Start() error {
	if b.run != nil {
		return fmt.Errorf("the %s runs already", b.name)
	}
	read, keep, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	from := len(b.out.String())
	cmd := exec.Command("/bin/sh", append([]string{"-c", b.script}, b.args...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = b.env, b.dir, b.out, b.out
	cmd.ExtraFiles = []*os.File{read}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		keep.Close()
		return err
	}
	life := &run{cmd: cmd, ended: make(chan struct{})}
	go func() { // ends with the process; Kill9 at the latest waits for it
		_, err := cmd.Process.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what was started beside it
		_ = cmd.Wait()                                      // ends the copying of its output
		life.err = err
		close(life.ended)
	}()
	b.run, b.keepAlive = life, keep
	return b.awaitLine(from, b.ready)
}

// awaitLine waits until the server has printed a line with that text behind the first bytes of its log.
func (b *broker) awaitLine(from int, text string) error {
	deadline := time.NewTimer(brokerPatience)
	defer deadline.Stop()
	for {
		said, more := b.out.after(from)
		if strings.Contains(said, text) {
			return nil
		}
		select {
		case <-more:
		case <-b.run.ended:
			return fmt.Errorf("%s ended where %q was awaited:\n%s", b.name, text, tail(b.Logs(), 40))
		case <-deadline.C:
			return fmt.Errorf("%s has not said %q after %s:\n%s", b.name, text, brokerPatience, tail(b.Logs(), 40))
		}
	}
}

// Logs gives all that the server has printed, over all its lives.
func (b *broker) Logs() string { return b.out.String() }

// PID is the process id of the running server.
func (b *broker) PID() int { return b.run.cmd.Process.Pid }

// Kill9 ends the server at once, as kill -9 does, and waits until it is gone. Without a running one it does nothing.
func (b *broker) Kill9() {
	if b.run == nil {
		return
	}
	_ = syscall.Kill(-b.run.cmd.Process.Pid, syscall.SIGKILL) // an error says that it is gone already
	<-b.run.ended
	b.run = nil
	b.keepAlive.Close()
}

// Stop ends the server by SIGTERM.
func (b *broker) Stop() error {
	if b.run == nil {
		return nil
	}
	deadline := time.NewTimer(brokerPatience)
	defer deadline.Stop()
	_ = b.run.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	var err error
	select {
	case <-b.run.ended:
	case <-deadline.C:
		err = fmt.Errorf("%s does not stop within %s:\n%s", b.name, brokerPatience, tail(b.Logs(), 40))
	}
	b.Kill9()
	return err
}

// Restart stops it and starts it again with what it has on disk.
func (b *broker) Restart() error { return errors.Join(b.Stop(), b.Start()) }

// Remove ends it at once and removes its files.
func (b *broker) Remove() error {
	b.Kill9()
	return os.RemoveAll(b.dir)
}

// Pause freezes the server (SIGSTOP) and returns when all of it stands still: connections are accepted by the kernel, nothing
// answers.
func (b *broker) Pause() error { return b.signal(syscall.SIGSTOP, true) }

// Resume lets a paused server go on (SIGCONT), and returns when it does.
func (b *broker) Resume() error { return b.signal(syscall.SIGCONT, false) }

// signal sends a signal until every thread stands still, or none does. The kernel stops and wakes them one by one, and tells of
// it only by the states that it shows; a SIGCONT while they are being stopped has been seen to leave them stopped.
func (b *broker) signal(s syscall.Signal, still bool) error {
	for deadline := time.Now().Add(brokerPatience); time.Now().Before(deadline); {
		if err := b.run.cmd.Process.Signal(s); err != nil {
			return err
		}
		if b.stands(still) {
			return nil
		}
	}
	return fmt.Errorf("%s does not obey signal %d", b.name, s)
}

// stands reports whether each thread is stopped, or none is.
func (b *broker) stands(still bool) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", b.PID()))
	for _, file := range threads {
		stat, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue // the thread has ended
		}
		if _, rest, ok := strings.Cut(string(stat), ") "); err != nil || !ok || strings.HasPrefix(rest, "T") != still {
			return false
		}
	}
	return err == nil
}
