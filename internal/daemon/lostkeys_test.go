package daemon

import (
	"os"
	"strings"
	"testing"
)

// TestLostKeys: a log that was restored without the node's keys is told of, and a node that starts for the first time, or with
// its keys, is not warned.
func TestLostKeys(t *testing.T) {
	c := setup(t)
	const warning = "no key is there"
	for _, run := range []struct {
		what string
		lost bool
	}{{"the first start", false}, {"a start with keys", false}, {"a start without them", true}} {
		if run.lost {
			if err := os.RemoveAll(KeysDir(c.State)); err != nil {
				t.Fatal(err)
			}
		}
		r := start(t, c, Options{})
		r.publish(t, `{"topic":"a.b.c","msg":{}}`)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(r.log.String(), warning); got != run.lost {
			t.Errorf("%s: warned is %v:\n%s", run.what, got, r.log)
		}
	}
}
