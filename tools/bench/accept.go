package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// acceptBatch is how many messages are prepared before the clock runs on.
const acceptBatch = 2000

// entrance is the door in this process: no HTTP, no other process, all the rest as in a node.
type entrance struct {
	processors int                           // how many the program may use
	callers    int                           // how many hand in messages at the same time
	lines      int                           // how many each hands in at once
	config     ingest.Config                 // without Log
	make       func(n int) ([][]byte, error) // messages to hand in; its time does not count
}

// accept measures the processor time and the rate of messages that go through the door into a log on disk.
func (b *bench) accept(ctx context.Context, e entrance) (sample, error) {
	dir, err := os.MkdirTemp(b.dir, "log-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	l, err := commitlog.Open(dir, commitlog.Options{Same: ingest.Same})
	if err != nil {
		return sample{}, err
	}
	defer l.Close()
	e.config.Log = l
	door := ingest.New(e.config)
	return b.stopwatch(ctx, e.processors, e.make, func(batch [][]byte) error {
		errs := make([]error, e.callers)
		var wg sync.WaitGroup
		for i := range e.callers {
			part := batch[i*len(batch)/e.callers : (i+1)*len(batch)/e.callers]
			wg.Go(func() { errs[i] = handIn(ctx, door, part, e.lines) })
		}
		wg.Wait()
		return errors.Join(errs...)
	})
}

// handIn hands messages in, so many at a time, and waits for each lot while it hands in the next.
func handIn(ctx context.Context, door *ingest.Door, batch [][]byte, lines int) error {
	var before fedmsg.Ticket
	for len(batch) > 0 {
		n := min(lines, len(batch))
		ticket := door.Submit(ctx, fedmsg.Sender{Kind: fedmsg.SenderNode}, batch[:n]...)
		batch = batch[n:]
		if before != nil {
			if err := await(ctx, before); err != nil {
				return err
			}
		}
		before = ticket
	}
	return await(ctx, before)
}

// stopwatch repeats do on batches until it alone has taken the span of a round. Making the batches is not counted.
func (b *bench) stopwatch(ctx context.Context, processors int, prepare func(int) ([][]byte, error), do func([][]byte) error) (sample, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	everything := runtime.GOMAXPROCS(0)
	var took, used time.Duration
	n := 0
	for warm := true; took < b.o.span && ctx.Err() == nil; warm = false {
		batch, err := prepare(acceptBatch)
		if err != nil {
			return sample{}, err
		}
		runtime.GC() // what the preparation has left is not the door's
		runtime.GOMAXPROCS(processors)
		start, cpu := time.Now(), processTime()
		err = do(batch)
		elapsed, spent := time.Since(start), processTime()-cpu
		runtime.GOMAXPROCS(everything)
		if err != nil {
			return sample{}, err
		}
		if !warm {
			took, used, n = took+elapsed, used+spent, n+len(batch)
		}
	}
	return sample{rate: float64(n) / took.Seconds(), cpu: used / time.Duration(max(1, n))}, ctx.Err()
}

// processTime is the processor time of this process.
func processTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// submissions makes n messages as those hand them in who leave the envelope to the node.
func submissions(n int) ([][]byte, error) {
	all, text := make([][]byte, n), []byte(submission())
	for i := range all {
		all[i] = text
	}
	return all, nil
}

// alone is the door with one caller and one processor, so that the processor time of a message is nobody else's.
func alone(c ingest.Config, make func(int) ([][]byte, error)) entrance {
	return entrance{processors: 1, callers: 1, lines: 50, config: c, make: make}
}

// acceptUnsigned takes submissions, and signs and verifies nothing.
func acceptUnsigned(ctx context.Context, b *bench) (sample, error) {
	store, err := b.publisherStore()
	if err != nil {
		return sample{}, err
	}
	return b.accept(ctx, alone(ingest.Config{Verify: fedmsg.VerifyIfSigned, Verifier: store}, submissions))
}

// acceptSigning takes the same and signs each.
func acceptSigning(ctx context.Context, b *bench) (sample, error) {
	store, err := b.publisherStore()
	if err != nil {
		return sample{}, err
	}
	signer, err := sign.Open(sign.Config{
		Forms: []sign.Form{sign.DSSE}, Dir: filepath.Join(b.dir, "keys"),
		Settings: sign.Settings{Name: "node", Topics: []fedmsg.Pattern{fedmsg.MatchAll()}},
	})
	if err != nil {
		return sample{}, err
	}
	return b.accept(ctx, alone(ingest.Config{Verifier: store, Signer: signer}, submissions))
}

// acceptEnvelopes takes whole envelopes, and signs and verifies nothing.
func acceptEnvelopes(ctx context.Context, b *bench) (sample, error) {
	store, err := b.publisherStore()
	if err != nil {
		return sample{}, err
	}
	return b.accept(ctx, alone(ingest.Config{Verify: fedmsg.VerifyIfSigned, Verifier: store}, envelopes))
}

// acceptVerifying takes the same signed by their publisher, and verifies each.
func acceptVerifying(ctx context.Context, b *bench) (sample, error) { return b.acceptSigned(ctx, 1, 1) }

// acceptSigned takes messages that their publisher has signed.
func (b *bench) acceptSigned(ctx context.Context, processors, callers int) (sample, error) {
	store, err := b.publisherStore()
	if err != nil {
		return sample{}, err
	}
	e := alone(ingest.Config{Verifier: store}, b.key.signed)
	e.processors, e.callers = processors, callers
	return b.accept(ctx, e)
}

// publisherStore trusts the publisher's key.
func (b *bench) publisherStore() (*trust.Store, error) {
	k, err := b.theKey()
	if err != nil {
		return nil, err
	}
	return trustRoot(trust.Root{Keys: []string{k.public}})
}

// signBare signs as many bytes with the standard library alone.
func signBare(ctx context.Context, b *bench) (sample, error) {
	k, err := b.theKey()
	if err != nil {
		return sample{}, err
	}
	return b.stopwatch(ctx, 1, payloads, func(batch [][]byte) error {
		for _, m := range batch {
			ed25519.Sign(k.bare, m)
		}
		return nil
	})
}

// verifyBare verifies such signatures with the standard library alone, on one processor.
func verifyBare(ctx context.Context, b *bench) (sample, error) { return b.verifyBareOn(ctx, 1) }

// verifyBareOn does so with as many goroutines as processors.
func (b *bench) verifyBareOn(ctx context.Context, processors int) (sample, error) {
	k, err := b.theKey()
	if err != nil {
		return sample{}, err
	}
	public, all := k.bare.Public().(ed25519.PublicKey), [][]byte(nil)
	signatures := func(n int) ([][]byte, error) {
		all, err = payloads(n)
		sigs := make([][]byte, n)
		for i := range sigs {
			sigs[i] = ed25519.Sign(k.bare, all[i])
		}
		return sigs, err
	}
	return b.stopwatch(ctx, processors, signatures, func(sigs [][]byte) error {
		errs := make([]error, processors)
		var wg sync.WaitGroup
		for p := range processors {
			wg.Go(func() {
				for i := p; i < len(sigs); i += processors {
					if !ed25519.Verify(public, all[i], sigs[i]) {
						errs[p] = errors.New("a signature is not verified")
					}
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	})
}

// payloads makes what DSSE signs of n envelopes.
func payloads(n int) ([][]byte, error) {
	all, err := envelopes(n)
	for i := range all {
		all[i] = wire.AppendPAE(nil, wire.EnvelopeType, all[i])
	}
	return all, err
}
