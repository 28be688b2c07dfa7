package deliver

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestRedactedIsSkipped holds that what was redacted is not sent, whatever the sink wants, is told of as skipped, and keeps nothing waiting.
func TestRedactedIsSkipped(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 5)
		e := log.entry(3)
		*e = fedmsg.Entry{Position: e.Position, Received: e.Received, ID: e.ID, Topic: e.Topic, Redacted: true}
		s := startSet(t, log, dir, config(t, "people"), sink)
		settleDown(time.Minute)
		wantGot(t, sink, []uint64{1, 2, 4, 5})
		if d := s.Deliveries(e)[0]; d.State != fedmsg.DeliverySkipped || !strings.Contains(d.Reason, "redacted") {
			t.Errorf("%+v", d)
		}
		if st := s.List()[0]; st.Skipped != 1 || st.Position != at(5) {
			t.Errorf("%+v", st)
		}
		stop(t, s)
	})
}
