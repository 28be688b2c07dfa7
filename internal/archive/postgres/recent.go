package postgres

import (
	"context"
	"sync"
	"time"
)

// recent keeps what was read of the database for a while. It may be used by many goroutines, and is read anew without a lock: several
// may do that at once, and one that waits for the server keeps nobody else waiting.
type recent[T any] struct {
	mu    sync.Mutex
	at    time.Time // when it was read; guarded by mu
	value T         // guarded by mu
}

// get gives what is at most so old.
func (r *recent[T]) get(ctx context.Context, c reader, age time.Duration, read func(context.Context, reader) (T, error)) (T, error) {
	r.mu.Lock()
	at, value := r.at, r.value
	r.mu.Unlock()
	if time.Since(at) < age {
		return value, nil
	}
	value, err := read(ctx, c)
	if err != nil {
		var none T
		return none, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.value = time.Now(), value
	return value, nil
}
