package commitlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// tracedDir names the variable that makes this test program a process which publishes on a log until a sync goes wrong.
const tracedDir = "FEDMSG_TEST_TRACED_DIR"

const (
	tracedBatch   = 3  // records in each submission
	tracedBatches = 40 // more than enough for twenty syncs
)

// writerSyncs is the system's file layer with the syncs of one thread only. strace counts the calls of each thread for
// itself; here all there are come from the thread of the log's writer, so that the N-th call is the writer's N-th. A killed
// process loses nothing by the others: what it wrote is with the system.
type writerSyncs struct {
	durable.OS
	thread atomic.Int64 // of the writer; 0 until it is known
}

func (w *writerSyncs) wanted() bool { return w.thread.Load() == int64(unix.Gettid()) }

func (w *writerSyncs) Create(name string, perm fs.FileMode) (durable.File, error) {
	f, err := w.OS.Create(name, perm)
	return writerFile{f, w}, err
}

func (w *writerSyncs) Open(name string, readOnly bool) (durable.File, error) {
	f, err := w.OS.Open(name, readOnly)
	return writerFile{f, w}, err
}

func (w *writerSyncs) SyncDir(dir string) error {
	if !w.wanted() {
		return nil
	}
	return w.OS.SyncDir(dir)
}

type writerFile struct {
	durable.File
	syncs *writerSyncs
}

func (f writerFile) Sync() error {
	if !f.syncs.wanted() {
		return nil
	}
	return f.File.Sync()
}

// tracedScript publishes batches one after the other. It prints "sync" before each sync of the writer, the id of each record
// that is acknowledged, and "poisoned" when the log takes nothing any more.
func tracedScript(dir string) int {
	system := &writerSyncs{}
	say := func(line string) { _, _ = os.Stdout.WriteString(line + "\n") }
	opened := false // the main goroutine sets it before the writer gets its first record
	layer := &durabletest.Layer{FS: system, Before: func(_ int, op durabletest.Op, name string) error {
		if opened && op == durabletest.OpWrite && strings.HasSuffix(name, segmentSuffix) && system.thread.Load() == 0 {
			runtime.LockOSThread() // this is the writer's goroutine: from now on no other one uses its thread
			system.thread.Store(int64(unix.Gettid()))
		}
		if (op == durabletest.OpSync || op == durabletest.OpSyncDir) && system.wanted() {
			say("sync")
		}
		return nil
	}}
	o := scriptOptions
	o.FS = layer
	l, err := Open(dir, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	opened = true
	m := newModel()
	m.onAck = func(r fedmsg.Receipt) { say(r.ID) }
	for i := range tracedBatches {
		if err := m.submit(l, records(tracedBatch*i, tracedBatch, 100)...); err != nil && !errors.Is(err, syscall.EIO) {
			fmt.Fprintln(os.Stderr, err)
			return 1
		} else if err != nil {
			break
		}
	}
	if fedmsg.CodeOf(m.submit(l, record(1000, 100))) == fedmsg.CodeLogFailed && fedmsg.CodeOf(l.Err()) == fedmsg.CodeLogFailed {
		say("poisoned")
	}
	if err := l.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 0
}

// TestTracedSyncFails lets the system fail the N-th fsync or fdatasync of the log's writer with EIO, N = 1..20, from outside
// the process: at just that sync the log is poisoned, and what it acknowledged is there when it is opened again.
func TestTracedSyncFails(t *testing.T) {
	t.Parallel()
	strace := tracer(t)
	for n := 1; n <= 20; n++ {
		run := traced(t, strace, fmt.Sprintf("error=EIO:when=%d", n))
		if !run.poisoned || run.killed || run.syncs != n {
			t.Errorf("EIO at sync %d: poisoned %v, killed %v, at sync %d", n, run.poisoned, run.killed, run.syncs)
		}
		run.verify(t, fmt.Sprintf("EIO at sync %d", n))
	}
}

// TestTracedKill kills the process as the log's writer enters its N-th fsync or fdatasync, N = 1..20.
func TestTracedKill(t *testing.T) {
	t.Parallel()
	strace := tracer(t)
	for n := 1; n <= 20; n++ {
		run := traced(t, strace, fmt.Sprintf("signal=SIGKILL:when=%d", n))
		if run.poisoned || !run.killed || run.syncs != n {
			t.Errorf("killed at sync %d: poisoned %v, killed %v, at sync %d", n, run.poisoned, run.killed, run.syncs)
		}
		run.verify(t, fmt.Sprintf("killed at sync %d", n))
	}
}

// tracer gives the path of strace where it may be used.
func tracer(t *testing.T) string {
	strace := fedmsgtest.Tool(t, "strace")
	if err := exec.Command(strace, "-f", "-o", os.DevNull, "true").Run(); err != nil {
		fedmsgtest.Missing(t, "the right to trace processes")
	}
	return strace
}

// tracedRun is what became of one traced process.
type tracedRun struct {
	dir              string
	acked            []string // ids, in order
	syncs            int      // of the writer, the last one included
	poisoned, killed bool
}

// traced runs the script under strace with a fault in the syncs.
func traced(t *testing.T, strace, fault string) tracedRun {
	t.Helper()
	run := tracedRun{dir: filepath.Join(t.TempDir(), "log")}
	cmd := exec.Command(strace, "-f", "-q", "-o", os.DevNull, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:"+fault, os.Args[0])
	cmd.Env = append(os.Environ(), tracedDir+"="+run.dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus) // strace ends as the process did
		if run.killed = ok && status.Signal() == syscall.SIGKILL; !run.killed {
			t.Fatalf("%s: %v: %s", fault, err, stderr.String())
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		switch line := lines.Text(); line {
		case "sync":
			run.syncs++
		case "poisoned":
			run.poisoned = true
		default:
			run.acked = append(run.acked, line)
		}
	}
	return run
}

// verify opens the log that the process left: it has what was acknowledged, in order and nothing else, but perhaps the batch
// whose sync went wrong; and it goes on from there.
func (r tracedRun) verify(t *testing.T, what string) {
	t.Helper()
	l, err := Open(r.dir, scriptOptions)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer l.Close() //nolint:errcheck // closed below; here for a test that fails
	entries, gaps := readAll(t, l, 0)
	var have []string
	for _, e := range entries {
		have = append(have, e.ID)
	}
	rest := len(have) - len(r.acked)
	if len(gaps) > 0 || rest != 0 && rest != tracedBatch || !slices.Equal(have[:len(r.acked)], r.acked) {
		t.Errorf("%s: %d entries, gaps %v; acknowledged were %d", what, len(have), gaps, len(r.acked))
	}
	next := len(have)
	if again := mustSubmit(t, l, records(0, next+1, 100)...); again[next].Duplicate || int(again[next].Seq) != next+1 {
		t.Errorf("%s: the next record after reopening: %+v", what, again[next])
	}
	if err := l.Close(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if _, err := Check(r.dir, func(f Finding) { t.Errorf("%s: %s", what, f.Text) }); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
