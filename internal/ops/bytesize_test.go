package ops_test

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

func TestByteSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1536 << 20: "1.5 GiB", 1<<63 - 1: "8.0 EiB"} {
		if got := ops.ByteSize(n); got != want {
			t.Errorf("ops.ByteSize(%d) = %q, want %q", n, got, want)
		}
	}
}
