package zmtp

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that outlived the tests, and with them the sockets.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
