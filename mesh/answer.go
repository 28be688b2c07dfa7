package mesh

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
	"github.com/federated-messaging/fedmsg/zmtp"
)

const (
	// mostAnswer bounds the bytes of one answer. Whoever asked for more is told so.
	mostAnswer = 8 << 20
	// answerers bounds the answers that are under way at once.
	answerers = 8
	// answerPatience is how long who asked may take none of an answer.
	answerPatience = 30 * time.Second
)

// answerAll answers what replay clients ask, until ctx ends. A client that does not take its answer delays at most those that
// come when there are answerers of its kind.
func answerAll(ctx context.Context, rep *zmtp.Rep, h *history) {
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, answerers)
	for {
		request, err := rep.Receive(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, zmtp.ErrClosed) {
				return
			}
			continue
		}
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wg.Go(func() {
			defer func() { <-room }()
			ctx, cancel := context.WithTimeout(ctx, answerPatience)
			defer cancel()
			_ = request.Reply(ctx, h.answer(request.Message)...) // who is gone asks again
		})
	}
}

// answer gives the frames of the answer to a request.
func (h *history) answer(request zmtp.Message) [][]byte {
	err := error(replay.ErrNotObject)
	if len(request) == 1 {
		var q replay.Query
		if q, err = replay.ParseQuery(request[0]); err == nil {
			var frames [][]byte
			if frames, err = h.find(&q, mostAnswer); err == nil {
				return frames
			}
		}
	}
	return [][]byte{replay.AppendError(nil, err)}
}
