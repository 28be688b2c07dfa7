package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

// writeLog appends batches to a log and waits for each before it submits the next, as a lone caller does.
func writeLog(ctx context.Context, b *bench) (sample, error) {
	return appendBatches(ctx, b, func(l *commitlog.Log, next func() []fedmsg.Record) func() error {
		return func() error {
			ticket, err := l.Submit(ctx, next()...)
			if err != nil {
				return err
			}
			return await(ctx, ticket)
		}
	})
}

// streamLog submits each batch while the one before it is written, as streams of publishers do. The log takes one batch a
// write all the same: its queue has room for no more.
func streamLog(ctx context.Context, b *bench) (sample, error) {
	return appendBatches(ctx, b, func(l *commitlog.Log, next func() []fedmsg.Record) func() error {
		var before fedmsg.Ticket
		return func() error {
			ticket, err := l.Submit(ctx, next()...)
			if err != nil {
				return err
			}
			ticket, before = before, ticket
			if ticket == nil {
				return nil
			}
			return await(ctx, ticket)
		}
	})
}

// await holds that every record of the ticket is stored.
func await(ctx context.Context, ticket fedmsg.Ticket) error {
	outcomes, err := ticket.Wait(ctx)
	for _, o := range outcomes {
		if o.Err != nil {
			return o.Err
		}
	}
	return err
}

// appendBatches measures what way makes of a new log and of a source of batches, each of which is synced alone.
func appendBatches(ctx context.Context, b *bench, way func(*commitlog.Log, func() []fedmsg.Record) func() error) (sample, error) {
	dir, err := os.MkdirTemp(b.dir, "log-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	envelope := payload()
	l, err := commitlog.Open(dir, commitlog.Options{QueueBytes: 2 * batch * (len(envelope) + 512)})
	if err != nil {
		return sample{}, err
	}
	defer l.Close()
	n := 0
	next := func() []fedmsg.Record {
		records := make([]fedmsg.Record, batch)
		for i := range records {
			n++
			id := strconv.AppendInt(make([]byte, 0, 32), 1e18+int64(n), 10)
			records[i] = fedmsg.Record{ID: string(id), Topic: benchTopic, Envelope: envelope, FreshID: true}
		}
		return records
	}
	got, err := batches(ctx, b, way(l, next))
	if err != nil {
		return sample{}, err
	}
	if s := l.Stats(); s.Records != s.Syncs*batch {
		return sample{}, fmt.Errorf("%d records were synced %d times, not in batches of %d", s.Records, s.Syncs, batch)
	}
	b.batchBytes = l.Info().Bytes * batch / int64(n)
	return got, nil
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
