package fedmsgtest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PID is the process id of the running node.
func (n *Node) PID() int { return n.run.cmd.Process.Pid }

// Logs gives all that the node has printed, over all its lives.
func (n *Node) Logs() string { return n.out.String() }

// Running reports whether the node was started and has not been ended by Kill9, Stop or Ended.
func (n *Node) Running() bool { return n.run != nil }

// Kill9 ends the node at once, as kill -9 does, and waits until it is gone. Without a running node it does nothing.
func (n *Node) Kill9() {
	if n.run == nil {
		return
	}
	n.run.cmd.Process.Kill() // an error says that it is gone already
	<-n.run.ended
	n.run = nil
	n.HTTP.CloseIdleConnections()
}

// Stop sends SIGTERM and fails the test unless the node ends with status 0. It returns how long that took.
func (n *Node) Stop(t testing.TB) time.Duration {
	t.Helper()
	start := time.Now()
	took, status, err := n.Terminate()
	if err != nil {
		t.Fatalf("the node did not stop: %s\n%s", err, tail(n.Logs(), 40))
	}
	if status != 0 {
		t.Fatalf("the node stopped with status %d after %s, want 0\n%s", status, time.Since(start), tail(n.Logs(), 40))
	}
	return took
}

// Terminate sends SIGTERM, waits for the end, and gives how long it took and the exit status (-1: ended by a signal). After
// an error the node still runs.
func (n *Node) Terminate() (time.Duration, int, error) {
	start := time.Now()
	if err := n.run.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, 0, err
	}
	status, err := n.Ended()
	return time.Since(start), status, err
}

// Ended waits until the node has ended by itself and gives its exit status (-1: ended by a signal).
func (n *Node) Ended() (int, error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-n.run.ended:
	case <-deadline.C:
		return 0, fmt.Errorf("the node still runs after %s", patience)
	}
	status := n.run.cmd.ProcessState.ExitCode()
	n.run = nil
	n.HTTP.CloseIdleConnections()
	return status, nil
}

// Restart stops the node and starts it on the same state and socket.
func (n *Node) Restart(t testing.TB) {
	t.Helper()
	n.Stop(t)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
}

// Pause freezes the node (SIGSTOP) and returns when it stands still: connections are accepted by the kernel, nothing answers.
func (n *Node) Pause() error {
	if err := n.run.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	// The kernel stops the threads one by one; there is no event to wait for but the state that it shows.
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.PID()))
		if err != nil {
			return err
		}
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest, "T") {
			return nil
		}
	}
	return fmt.Errorf("the node does not stand still after SIGSTOP")
}

// Resume lets a paused node go on (SIGCONT).
func (n *Node) Resume() error { return n.run.cmd.Process.Signal(syscall.SIGCONT) }

// RSS gives the resident memory of the running node in bytes, with the pages of the program file that are in memory, which
// the kernel shares and takes back.
func (n *Node) RSS() (int64, error) { return n.memory("VmRSS:") }

// OwnMemory gives the part of RSS in bytes that is the node's alone: heap, stacks, what it made and wrote.
func (n *Node) OwnMemory() (int64, error) { return n.memory("RssAnon:") }

// memory reads one line of what the kernel says of the node.
func (n *Node) memory(name string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID()))
	if err != nil {
		return 0, err
	}
	rest, ok := line(string(status), name)
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); !ok || err != nil {
		return 0, fmt.Errorf("no %s in /proc/%d/status", name, n.PID())
	}
	return kib << 10, nil
}

// tail gives the last n lines of text.
func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n-1):], "")
}
