package main

import (
	"context"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/tools/bench/history"
)

// archiveRound is how many messages a round of the comparison puts in.
func (b *bench) archiveRound() int {
	return max(archiveBatch, min(b.archiveRows(), comparedRows)/b.o.rounds/archiveBatch*archiveBatch)
}

// comparedHistory gives the messages of the comparison.
func (b *bench) comparedHistory() *history.History { return history.New(b.archiveRound() * b.o.rounds) }

// ingest puts a round's messages into an archive as a node does that is far behind. Each round goes on where the one before ended.
func (a *archives) ingest(ctx context.Context, b *bench) (sample, error) {
	if a.own.store == nil {
		name := a.name + "-compared"
		if err := a.kind.remove(ctx, b, name); err != nil { // of a run that broke off
			return sample{}, err
		}
		store, err := a.kind.open(ctx, b, name)
		if err != nil {
			return sample{}, err
		}
		a.own.store = store
		b.atEnd(func() error { return errors.Join(store.Close(), a.kind.remove(ctx, b, name)) })
	}
	h := b.comparedHistory()
	return a.own.grow(b, func(from int) (time.Duration, error) {
		return putBatch(ctx, h, a.own.store, from, archiveBatch, nil)
	})
}

// ingestBare puts them into the same tables by a plain loop of statements. What messages are found by is worked out before.
func (a *archives) ingestBare(ctx context.Context, b *bench) (sample, error) {
	if a.bare.bare == nil {
		name := a.name + "-bare"
		if err := a.kind.remove(ctx, b, name); err != nil {
			return sample{}, err
		}
		bare, err := a.kind.bare(ctx, b, name)
		if err != nil {
			return sample{}, err
		}
		a.bare.bare = bare
		b.atEnd(func() error { return errors.Join(bare.close(), a.kind.remove(ctx, b, name)) })
	}
	h := b.comparedHistory()
	return a.bare.grow(b, func(from int) (time.Duration, error) {
		batch := make([]archive.Draft, archiveBatch)
		for i := range batch {
			e := h.Entry(from + i)
			batch[i] = archive.DraftOf(&e)
		}
		start := time.Now()
		err := a.bare.bare.append(ctx, from, batch)
		return time.Since(start), err
	})
}

// grow runs the batches of a round.
func (c *comparedArchive) grow(b *bench, put func(from int) (time.Duration, error)) (sample, error) {
	var took time.Duration
	for range b.archiveRound() / archiveBatch {
		one, err := put(c.rows)
		if err != nil {
			return sample{}, err
		}
		took += one
		c.rows += archiveBatch
	}
	return sample{rate: float64(b.archiveRound()) / took.Seconds()}, nil
}

// fillKept fills the archive that is asked, once for all rounds.
func (a *archives) fillKept(ctx context.Context, b *bench) (sample, error) {
	kept, err := a.fill(ctx, b)
	if err != nil {
		return sample{}, err
	}
	return sample{rate: float64(kept.Rows) / kept.Took.Seconds(), size: kept.Bytes, each: kept.Bytes / int64(kept.Rows)}, nil
}
