package commitlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
	"go.uber.org/goleak"
)

// The variables that make this test program a process which runs the script on a log and is killed at an operation.
const (
	killDir = "FEDMSG_TEST_KILL_DIR"
	killAt  = "FEDMSG_TEST_KILL_AT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		os.Exit(killedScript(dir))
	}
	if dir := os.Getenv(tracedDir); dir != "" {
		os.Exit(tracedScript(dir))
	}
	goleak.VerifyTestMain(m)
}

// killedScript runs the script, prints each receipt as it comes, and kills its own process at the operation wanted. It ends
// by itself only where there are fewer operations.
func killedScript(dir string) int {
	at, err := strconv.Atoi(os.Getenv(killAt))
	if err != nil {
		return 2
	}
	kill := func(n int) error {
		if n >= at { // an operation that fails has nothing behind it, and the next one is it
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // no operation more, whatever the kernel's pace
		}
		return nil
	}
	m := newModel()
	m.onAck = func(r fedmsg.Receipt) { _, _ = os.Stdout.Write(append(r.AppendJSON(nil), '\n')) }
	layer := &durabletest.Layer{FS: durable.OS{}}
	if at > 0 {
		layer.After = func(n int, _ durabletest.Op, _ string) error { return kill(n) }
	} else {
		at = -at
		layer.Before = func(n int, _ durabletest.Op, _ string) error { return kill(n) }
	}
	if err := script(layer, dir, m, scriptOptions); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilledAtEveryOperation kills a process at each operation of the file layer on a real file system, before and behind
// it, and looks at the log that it leaves.
func TestKilledAtEveryOperation(t *testing.T) {
	t.Parallel()
	step := 5
	if long() {
		step = 1
	}
	for at := 1; ; at += step {
		for _, sign := range []int{1, -1} {
			killed, err := killedOnce(t.TempDir(), sign*at)
			if err != nil {
				t.Fatalf("killed at operation %d: %v", sign*at, err)
			}
			if !killed {
				t.Logf("%d operations", at-1)
				return
			}
		}
	}
}

func killedOnce(dir string, at int) (killed bool, err error) {
	dir = filepath.Join(dir, "log")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.Itoa(at))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if killed = ok && status.Signal() == syscall.SIGKILL; !killed {
			return false, fmt.Errorf("%w: %s", err, stderr.String())
		}
	}
	m := newModel()
	for _, r := range scriptRecords() {
		m.submitted[r.ID] = r
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var r fedmsg.Receipt
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return killed, err
		}
		m.acked[r.ID] = r
	}
	return killed, m.verify(durable.OS{}, dir, scriptOptions)
}

// scriptRecords are all records that the script submits.
func scriptRecords() (rs []fedmsg.Record) {
	for round := range 3 {
		for i := range 4 {
			rs = append(rs, records(round*40+i*10, 10, 60+17*i)...)
		}
	}
	return rs
}
