//go:build linux

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

// tracedDir names the variable that makes TestTracedProcess publish on a log until a sync goes wrong.
const tracedDir = "FEDMSG_TEST_TRACED_DIR"

const (
	tracedBatch   = 3  // records in each submission
	tracedBatches = 40 // enough for twenty syncs of segments, and six of the directory
)

// writerSyncs is the system's file layer with the syncs of one thread only. strace counts the calls of each thread for
// itself; here all there are come from the thread of the log's writer, so that the N-th call is the writer's N-th. A killed
// process loses nothing by the others: what it wrote is with the system. It prints a line before each sync, and one behind
// a sync that failed.
type writerSyncs struct {
	durable.OS
	thread atomic.Int64 // of the writer; 0 until it is known
}

func say(line string) { _, _ = os.Stdout.WriteString(line + "\n") }

func (w *writerSyncs) sync(call string, run func() error) error {
	if !w.wanted() {
		return nil
	}
	say(call)
	err := run()
	if err != nil {
		say("failed")
	}
	return err
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
	return w.sync("fsync", func() error { return w.OS.SyncDir(dir) })
}

type writerFile struct {
	durable.File
	syncs *writerSyncs
}

func (f writerFile) Sync() error {
	return f.syncs.sync("fdatasync", f.File.Sync)
}

// tracedScript publishes batches one after the other. It prints the id of each record that is acknowledged, and "poisoned"
// when the log takes nothing any more.
func tracedScript(dir string) int {
	system := &writerSyncs{}
	opened := false // the main goroutine sets it before the writer gets its first record
	layer := &durabletest.Layer{FS: system, Before: func(_ int, op durabletest.Op, name string) error {
		if opened && op == durabletest.OpWrite && strings.HasSuffix(name, segmentSuffix) && system.thread.Load() == 0 {
			runtime.LockOSThread() // this is the writer's goroutine: from now on no other one uses its thread
			system.thread.Store(int64(unix.Gettid()))
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

// TestTracedProcess is the process that the tests below trace, and nothing without them.
func TestTracedProcess(*testing.T) {
	if dir := os.Getenv(tracedDir); dir != "" {
		os.Exit(tracedScript(dir))
	}
}

// TestTracedSyncFails lets the system fail the N-th fdatasync of the log's writer with EIO, N = 1..20, and the N-th fsync,
// which is of the directory, from outside the process: at just that call the log is poisoned, and what it acknowledged is
// there when it is opened again.
func TestTracedSyncFails(t *testing.T) {
	t.Parallel()
	eachTracedSync(t, "error=EIO", func(r tracedRun) bool { return r.failed && r.poisoned && !r.killed })
}

// TestTracedKill kills the process as the log's writer enters its N-th sync.
func TestTracedKill(t *testing.T) {
	t.Parallel()
	eachTracedSync(t, "signal=SIGKILL", func(r tracedRun) bool { return !r.failed && !r.poisoned && r.killed })
}

// eachTracedSync puts the fault at one sync after the other, and looks at what the process said and left.
func eachTracedSync(t *testing.T, fault string, right func(tracedRun) bool) {
	strace := tracer(t)
	for call, last := range map[string]int{"fdatasync": 20, "fsync": 6} {
		for n := 1; n <= last; n++ {
			what := fmt.Sprintf("%s:%s:when=%d", call, fault, n)
			run := traced(t, strace, what)
			if !right(run) || run.calls[call] != n {
				t.Errorf("%s: it went wrong at call %d: failed %v, poisoned %v, killed %v", what, run.calls[call], run.failed, run.poisoned, run.killed)
			}
			run.verify(t, what)
		}
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
	dir    string
	acked  []string       // ids, in order
	calls  map[string]int // of the writer, up to the one that failed or was the last
	failed bool           // a call has failed

	poisoned, killed bool
}

// traced runs the script under strace with a fault in the syncs.
func traced(t *testing.T, strace, fault string) tracedRun {
	t.Helper()
	run := tracedRun{dir: filepath.Join(t.TempDir(), "log"), calls: make(map[string]int)}
	cmd := exec.Command(strace, "-f", "-q", "-o", os.DevNull, "-e", "trace=fsync,fdatasync", "-e", "inject="+fault, os.Args[0], "-test.run=^TestTracedProcess$")
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
		case "fsync", "fdatasync":
			if !run.failed {
				run.calls[line]++
			}
		case "failed":
			run.failed = true
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
