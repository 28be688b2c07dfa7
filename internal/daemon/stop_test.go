package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

func TestStopInReverse(t *testing.T) {
	var l stopList
	var order []string
	failed := errors.New("cannot")
	for _, name := range []string{"a", "b", "c"} {
		l.push(name, func(context.Context) error {
			order = append(order, name)
			if name == "b" {
				return failed
			}
			return nil
		})
	}
	err := l.stop(t.Context(), slog.New(slog.DiscardHandler))
	if !slices.Equal(order, []string{"c", "b", "a"}) {
		t.Errorf("stopped in the order %v", order)
	}
	if !errors.Is(err, failed) || err.Error() != "stopping b: cannot" {
		t.Errorf("got %v", err)
	}
	if err := l.stop(t.Context(), slog.New(slog.DiscardHandler)); err != nil || len(order) != 3 {
		t.Errorf("stopped twice: %v %v", order, err)
	}
}

func TestStopNamesWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var l stopList
		l.push("first", func(context.Context) error { t.Error("stopped behind what hangs"); return nil })
		l.push("second", func(context.Context) error { t.Error("stopped behind what hangs"); return nil })
		l.push("stuck", func(context.Context) error { <-release; return nil })
		l.push("last", func(context.Context) error { return nil })
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := l.stop(ctx, slog.New(slog.DiscardHandler))
		const want = "the node did not stop in time: stuck hangs; not stopped behind it: second, first"
		if err == nil || err.Error() != want || fedmsg.CodeOf(err) != fedmsg.CodeTimeout {
			t.Errorf("got %v, want %s", err, want)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
