package mesh

import (
	"errors"
	"hash/maphash"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
)

// TestGoneIsNotAskedForEver lets a service leave that never said a word, and holds that who listened to it ends: when it was
// told once more that there is nothing, or when nobody answered for long. Each short-lived publisher would leave one behind.
func TestGoneIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"answered": replay.ErrNoMatch, "unanswered": errors.New("connection refused")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1e9, 0)
			o, _ := SubscribeOptions{Services: []Service{{Name: "a", Addresses: []string{"tcp://a:1"}}}, Replay: true, Report: func(Event) {}}.filled()
			s := newListener("a", &o, now, maphash.MakeSeed(), nil, newTracker("a", "a", &o))
			s.now, s.catchup.alone = Service{Name: "a", Replay: "tcp://a:2"}, false
			s.catchup.connected(now)
			ask := func() {
				wait := s.think(now)
				for ; !s.asking; wait = s.think(now) {
					now = now.Add(wait)
				}
				s.answered(answer{question: (<-s.jobs).question, err: err}, now)
			}
			ask()
			s.update(t.Context(), Service{})
			asks := 0
			for ; !s.ended() && asks < 1000; asks++ {
				ask()
			}
			if asks == 0 || asks > 100 {
				t.Errorf("it was asked %d times more", asks)
			}
		})
	}
}
