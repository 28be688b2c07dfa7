package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg/zmtp"
)

// sentAt is before the time in the body of a submitted message, in nanoseconds.
const sentAt = `"sent_at":`

// submitZMQ has 64 submitters hand in a message each by FSUBMIT1 over a unix socket, to a node as it starts without
// configuration, and a subscriber receive what the node publishes. The time of a message is from before it is submitted until
// the subscriber has it, which is after it is on disk.
func submitZMQ(ctx context.Context, b *bench) (sample, error) {
	n, err := b.theNode(ctx, signing)
	if err != nil {
		return sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience+20*b.o.span)
	defer cancel()
	w, err := watchZMQ(ctx, n.publish)
	if err != nil {
		return sample{}, err
	}
	defer w.sub.Close()
	if err := w.untilHeard(ctx, n.submit); err != nil {
		return sample{}, err
	}
	var sent atomic.Int64
	already := w.got.Load()
	s, err := b.timed(ctx, n.server, callers, func(int) (func() error, func(), error) {
		req, err := submitter(n.submit)
		if err != nil {
			return nil, nil, err
		}
		return func() error {
			err := submitOne(ctx, req)
			if err == nil {
				sent.Add(1)
			}
			return err
		}, func() { req.Close() }, nil
	})
	if err != nil {
		return sample{}, err
	}
	for w.got.Load()-already < sent.Load() {
		select {
		case err := <-w.ended:
			return sample{}, err
		case <-time.After(time.Millisecond):
		}
	}
	w.sub.Close()
	<-w.ended
	slices.Sort(w.times)
	s.span = w.times[len(w.times)/2]
	return s, nil
}

func submitter(uri string) (*zmtp.Req, error) {
	req := zmtp.NewReq(zmtp.Options{})
	return req, req.Connect(uri)
}

// submitOne submits one message and awaits that it is on disk.
func submitOne(ctx context.Context, req *zmtp.Req) error {
	at := strconv.FormatInt(time.Now().UnixNano(), 10)
	pad := strings.Repeat("x", messageBytes-len(`{"pad":"",}`)-len(sentAt)-len(at))
	reply, err := req.Do(ctx, []byte("FSUBMIT1"), []byte(benchTopic), nil, []byte(`{"pad":"`+pad+`",`+sentAt+at+`}`))
	if err == nil && (len(reply) != 2 || !bytes.Contains(reply[1], []byte(`"result":"success"`))) {
		err = fmt.Errorf("the node answers %.300q", reply)
	}
	return err
}

// watcher is a subscriber that takes the time of each message.
type watcher struct {
	sub   *zmtp.Sub
	got   atomic.Int64
	times []time.Duration // to be read when ended has told
	ended chan error
}

func watchZMQ(ctx context.Context, uri string) (*watcher, error) {
	w := &watcher{sub: zmtp.NewSub(zmtp.Options{}), ended: make(chan error, 1)}
	if err := errors.Join(w.sub.Subscribe(benchTopic), w.sub.Connect(uri)); err != nil {
		return nil, err
	}
	go func() { w.ended <- w.watch(ctx) }() // ends when the socket is closed
	return w, nil
}

func (w *watcher) watch(ctx context.Context) error {
	for {
		m, err := w.sub.Receive(ctx)
		if err != nil {
			return err
		}
		if len(m) != 4 {
			return fmt.Errorf("the node publishes %.300q", m)
		}
		_, rest, ok := bytes.Cut(m[2], []byte(sentAt))
		if !ok {
			return fmt.Errorf("the node publishes %.300q", m)
		}
		digits := rest[:bytes.IndexAny(rest, ",}")]
		at, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			return err
		}
		w.times = append(w.times, time.Since(time.Unix(0, at)))
		w.got.Add(1)
	}
}

// untilHeard submits messages until one is heard: from then on nothing is missed.
func (w *watcher) untilHeard(ctx context.Context, uri string) error {
	req, err := submitter(uri)
	if err != nil {
		return err
	}
	defer req.Close()
	for w.got.Load() == 0 {
		if err := submitOne(ctx, req); err != nil {
			return err
		}
		select {
		case err := <-w.ended:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
	// What was submitted before the subscription came does not come.
	time.Sleep(100 * time.Millisecond)
	return nil
}
