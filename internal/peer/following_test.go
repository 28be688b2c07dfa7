package peer

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestBatchIsBounded holds that what is gathered before it is handed on is bounded in entries and in bytes.
func TestBatchIsBounded(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{100: 512, 300 << 10: 14, 1 << 20: 4, 3 << 20: 2, 16 << 20: 1} {
		f, envelope := new(following), make([]byte, size)
		for !f.full() && len(f.batch) < 600 {
			f.add(wire.Carried{Envelope: envelope})
		}
		if len(f.batch) != want {
			t.Errorf("a batch has %d entries of %d bytes, want %d", len(f.batch), size, want)
		}
	}
}
