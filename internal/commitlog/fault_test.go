package commitlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// TestSyncFails fails the N-th fsync of a segment, N = 1..20, having done it or not: the outcome is unknown, nothing is
// taken any more, and after reopening the log holds what it promised.
func TestSyncFails(t *testing.T) {
	for n := 1; n <= 20; n++ {
		for _, happens := range []bool{false, true} {
			for _, op := range []durabletest.Op{durabletest.OpSync, durabletest.OpWrite} {
				t.Run(fmt.Sprintf("%s/%d/%v", op, n, happens), func(t *testing.T) { syncFails(t, op, n, happens) })
			}
		}
	}
}

func syncFails(t *testing.T, op durabletest.Op, n int, happens bool) {
	disk, m := durabletest.NewDisk(), newModel()
	o := scriptOptions
	o.FS, o.Committed = disk, m.commit
	l := openLog(t, testDir, o)
	seen := 0
	hook := func(_ int, did durabletest.Op, name string) error {
		if did == op && strings.HasSuffix(name, segmentSuffix) {
			if seen++; seen == n {
				return syscall.EIO
			}
		}
		return nil
	}
	if happens {
		disk.SetHooks(nil, hook)
	} else {
		disk.SetHooks(hook, nil)
	}
	var err error
	i := 0
	for ; err == nil && i < 60; i++ {
		err = m.submit(l, records(3*i, 3, 100)...)
	}
	// A write that fails is that of a batch, of unknown outcome, or of a new segment's head, before the batch was begun.
	if code := fedmsg.CodeOf(err); code != fedmsg.CodeTimeout && (op == durabletest.OpSync || code != fedmsg.CodeLogFailed) {
		t.Fatalf("submission %d: %v", i, err)
	}
	if !errors.Is(err, syscall.EIO) {
		t.Fatalf("the inside is %v", err)
	}
	if err := m.submit(l, record(1000, 100)); fedmsg.CodeOf(err) != fedmsg.CodeLogFailed || fedmsg.CodeOf(l.Err()) != fedmsg.CodeLogFailed {
		t.Fatalf("poisoned log says %v", err)
	}
	if h := l.Health()[0]; h.Level != Failed {
		t.Fatalf("%+v", h)
	}
	entries, gaps := readAll(t, l, 0)
	if len(gaps) > 0 || len(entries) != 3*(i-1) {
		t.Fatalf("%d entries, gaps %v", len(entries), gaps)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	delete(m.submitted, record(1000, 100).ID)
	for _, fate := range []durabletest.Fate{durabletest.KeepAll, durabletest.LoseAll} {
		if err := m.clone().verify(disk.Crash(fate, nil), testDir, scriptOptions); err != nil {
			t.Fatal(err)
		}
	}
	disk.SetHooks(nil, nil)
	if err := m.verify(disk, testDir, scriptOptions); err != nil { // reopened without any crash
		t.Fatal(err)
	}
	// What the failed sync lost can still be read then. Reopening must have brought it to the disk.
	if err := m.verify(disk.Crash(durabletest.LoseAll, nil), testDir, scriptOptions); err != nil {
		t.Fatalf("power cut after reopening: %v", err)
	}
}

// TestPoisonAnswersQueued submits while a failing fsync is underway: what was written is unknown, what was queued is not
// stored.
func TestPoisonAnswersQueued(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, record(0, 100))
	inSync, fail := make(chan struct{}), make(chan struct{})
	disk.SetHooks(func(_ int, op durabletest.Op, _ string) error {
		if op == durabletest.OpSync {
			close(inSync)
			<-fail
			return syscall.EIO
		}
		return nil
	}, nil)
	first, err := l.Submit(context.Background(), record(1, 100))
	if err != nil {
		t.Fatal(err)
	}
	<-inSync
	second, err := l.Submit(context.Background(), record(2, 100))
	if err != nil {
		t.Fatal(err)
	}
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := first.Wait(expired); fedmsg.CodeOf(err) != fedmsg.CodeTimeout {
		t.Fatalf("Wait with an ended context: %v", err)
	}
	close(fail)
	out, _ := first.Wait(context.Background())
	if fedmsg.CodeOf(out[0].Err) != fedmsg.CodeTimeout {
		t.Errorf("written: %v", out[0].Err)
	}
	out, _ = second.Wait(context.Background())
	if fedmsg.CodeOf(out[0].Err) != fedmsg.CodeLogFailed {
		t.Errorf("queued: %v", out[0].Err)
	}
	disk.SetHooks(nil, nil)
}

// TestDiskFull fills the disk, at every size from empty, and gives space again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for space := int64(600); space < 12_000; space += 97 {
		disk, m := durabletest.NewDisk(), newModel()
		o := scriptOptions
		o.FS, o.Committed = disk, m.commit
		l, err := Open(testDir, o)
		if err != nil {
			t.Fatal(err)
		}
		disk.SetSpace(space)
		full := false
		for i := 0; i < 30; i++ {
			err := m.submit(l, records(3*i, 3, 100)...)
			if err != nil && fedmsg.CodeOf(err) != fedmsg.CodeStorageFull {
				t.Fatalf("space %d: %v", space, err)
			}
			full = full || err != nil
		}
		if !full || l.Health()[1].Level != Failed {
			t.Fatalf("space %d: full %v, %+v", space, full, l.Health()[1])
		}
		if err := m.clone().verify(disk.Crash(durabletest.LoseAll, nil), testDir, scriptOptions); err != nil {
			t.Fatalf("space %d, crash: %v", space, err)
		}
		disk.SetSpace(0)
		for i := 0; i < 30; i++ {
			if err := m.submit(l, records(3*i, 3, 100)...); err != nil {
				t.Fatalf("space %d, with space again: %v", space, err)
			}
		}
		if l.Health()[1].Level != OK {
			t.Fatalf("%+v", l.Health()[1])
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := m.verify(disk, testDir, scriptOptions); err != nil {
			t.Fatalf("space %d: %v", space, err)
		}
	}
}

// TestQueueIsBounded shows that Submit waits while too much is underway, and no longer than its context.
func TestQueueIsBounded(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk, QueueBytes: 4000})
	inSync, goOn := make(chan struct{}, 10), make(chan struct{})
	disk.SetHooks(func(_ int, op durabletest.Op, _ string) error {
		if op == durabletest.OpSync {
			inSync <- struct{}{}
			<-goOn
		}
		return nil
	}, nil)
	var tickets []fedmsg.Ticket
	put := func(n int) {
		ticket, err := l.Submit(context.Background(), record(n, 1000))
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	put(0)
	<-inSync
	put(1)
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Submit(expired, record(2, 1000)); fedmsg.CodeOf(err) != fedmsg.CodeBusy {
		t.Fatalf("full queue: %v", err)
	}
	waiting := make(chan error)
	go func() {
		_, err := l.Submit(context.Background(), record(3, 1000))
		waiting <- err
	}()
	close(goOn)
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	for _, ticket := range tickets {
		if out, err := ticket.Wait(context.Background()); err != nil || out[0].Err != nil {
			t.Fatal(out, err)
		}
	}
}
