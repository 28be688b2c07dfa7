package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// followedAhead is how many entries are read ahead of a sink outside of a node.
const followedAhead = 256

// followedLog is the log of a node as its readers see it, for a sink outside of the node.
type followedLog struct {
	ctx     context.Context // in which it is followed: that of the verb
	client  *client.Client
	options client.FollowOptions
	end     fedmsg.Position
	failed  func(error) // told when the node refuses for good

	work sync.WaitGroup // one for each cursor that follows
}

// End is where the log ended when the verb began.
func (l *followedLog) End() fedmsg.Position { return l.end }

// Cursor follows from behind the position. Where the node cannot go on there, a gap is among the entries.
func (l *followedLog) Cursor(after fedmsg.Position) (deliver.Cursor, *fedmsg.Gap) {
	o := l.options
	o.After, o.All = after, after.IsZero() // which stands before the oldest entry
	ctx, cancel := context.WithCancel(l.ctx)
	c := &followedCursor{items: make(chan followedItem, followedAhead), wake: make(chan struct{}, 1), cancel: cancel}
	l.work.Go(func() { c.follow(ctx, l.client.Follow(ctx, o), l.failed) })
	return c, nil
}

// wait returns when no cursor follows any more.
func (l *followedLog) wait() { l.work.Wait() }

type followedItem struct {
	entry *fedmsg.Entry
	gap   *fedmsg.Gap
}

// followedCursor hands what one goroutine follows to the one that uses it.
type followedCursor struct {
	items  chan followedItem
	wake   chan struct{} // capacity 1: there may be something in items, or somebody called Wake
	cancel context.CancelFunc
}

func (c *followedCursor) follow(ctx context.Context, entries iter.Seq2[fedmsg.Entry, error], failed func(error)) {
	for e, err := range entries {
		item := followedItem{entry: &e}
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			item = followedItem{gap: gap}
		} else if err != nil {
			failed(err)
			return
		}
		select {
		case c.items <- item:
			c.Wake()
		case <-ctx.Done():
			return
		}
	}
}

// Next gives what has come.
func (c *followedCursor) Next() (*fedmsg.Entry, error) {
	select {
	case item := <-c.items:
		if item.gap != nil {
			return nil, item.gap
		}
		return item.entry, nil
	default:
		return nil, io.EOF
	}
}

// Wait returns when something may have come.
func (c *followedCursor) Wait() { <-c.wake }

// Wake ends a Wait.
func (c *followedCursor) Wake() {
	select {
	case c.wake <- struct{}{}:
	default: // it has a wake-up before it already
	}
}

// Close ends the following; the log waits for it.
func (c *followedCursor) Close() error {
	c.cancel()
	return nil
}
