package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
)

// batch is how many messages stand behind one sync in the comparison of the log with the bare file.
const batch = 100

// writeBare writes as many bytes as a batch has in the log and syncs them, again and again: what the disk can do.
func writeBare(ctx context.Context, b *bench) (sample, error) {
	name := filepath.Join(b.dir, "bare")
	f, err := os.Create(name)
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(name)
	defer f.Close()
	if b.batchBytes == 0 {
		return sample{}, fmt.Errorf("the log must be measured first: it says how many bytes a batch has")
	}
	data := make([]byte, b.batchBytes)
	return batches(ctx, b, func() error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		return syscall.Fdatasync(int(f.Fd()))
	})
}

// writeLog appends batches to a log and waits for each.
func writeLog(ctx context.Context, b *bench) (sample, error) {
	dir, err := os.MkdirTemp(b.dir, "log-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	l, err := commitlog.Open(dir, commitlog.Options{})
	if err != nil {
		return sample{}, err
	}
	defer l.Close()
	envelope := payload()
	records := make([]fedmsg.Record, batch)
	n := 0
	defer func() { b.batchBytes = l.Info().Bytes * batch / int64(max(n, 1)) }()
	return batches(ctx, b, func() error {
		for i := range records {
			n++
			records[i] = fedmsg.Record{ID: fmt.Sprintf("2026-%032d", n), Topic: benchTopic, Envelope: envelope, FreshID: true}
		}
		ticket, err := l.Submit(ctx, records...)
		if err != nil {
			return err
		}
		outcomes, err := ticket.Wait(ctx)
		for _, o := range outcomes {
			if o.Err != nil {
				return o.Err
			}
		}
		return err
	})
}

// batches measures in messages what do does once for a batch, in this process.
func batches(ctx context.Context, b *bench, do func() error) (sample, error) {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		return sample{}, err
	}
	start, n := time.Now(), 0
	for ; time.Since(start) < b.o.span && ctx.Err() == nil; n += batch {
		if err := do(); err != nil {
			return sample{}, err
		}
	}
	took := time.Since(start)
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		return sample{}, err
	}
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	return sample{rate: float64(n) / took.Seconds(), cpu: time.Duration(used / int64(n))}, nil
}
