package commitlog

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// TestTrimmed lets time pass over a log until all of it is gone, and opens it in each state: what is gone was received no
// later than it says, and what is there no earlier.
func TestTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{FS: durabletest.NewDisk(), MaxAge: 8 * time.Hour}
		l := openLog(t, testDir, o)
		reopen := func() {
			t.Helper()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openLog(t, testDir, o)
		}
		var received []time.Time
		for i := range 48 {
			received = append(received, mustSubmit(t, l, record(i, 100))[0].Received)
			if until, gone := l.Trimmed(); gone != (l.Info().First > 1) || gone && !until.Equal(received[l.Info().First-2]) {
				t.Fatalf("%d to %d are there; until %v, %v", l.Info().First, l.Info().Last, until, gone)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		if l.Info().First < 10 {
			t.Fatalf("nothing was removed: %+v", l.Info())
		}
		reopen()
		if until, gone := l.Trimmed(); !gone || !until.Equal(l.Info().Oldest) {
			t.Errorf("reopened: until %v, %v; the oldest was received at %v", until, gone, l.Info().Oldest)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if until, gone := l.Trimmed(); !gone || !until.Equal(received[47]) || l.Info().First != 49 {
			t.Errorf("all is gone: until %v, %v", until, gone)
		}
		reopen()
		if until, gone := l.Trimmed(); !gone || !until.Equal(time.Now()) {
			t.Errorf("all is gone and reopened: until %v, %v", until, gone)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
