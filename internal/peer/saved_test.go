package peer

import (
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/place"
)

const log = fedmsg.LogID("k3v5q2m7x4ab")

func at(seq uint64) fedmsg.Position { return fedmsg.Position{Log: log, Seq: seq} }

// reopened gives what a new process would find.
func reopened(t *testing.T, path string) fedmsg.Position {
	t.Helper()
	f, err := place.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Position()
}

// TestPlaceIsBehindWhatIsSettled has batches under way, and stretches without anything that is wanted, in every order.
func TestPlaceIsBehindWhatIsSettled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "place")
	file, err := place.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(file)
	hold := func(when string, want fedmsg.Position) {
		t.Helper()
		if got := reopened(t, path); got != want {
			t.Errorf("%s: the place is %s, want %s", when, got, want)
		}
	}
	p.passed(at(5))
	hold("nothing was wanted up to 5", at(5))
	first := p.under(at(10))
	hold("10 is under way", at(5))
	p.passed(at(20))
	hold("10 is under way, and nothing was wanted up to 20", at(5))
	second := p.under(at(30))
	first()
	if got := reopened(t, path); got != at(5) && got != at(10) { // it is not written each time
		t.Errorf("10 is settled and 30 under way: the place is %s", got)
	}
	second()
	hold("all is settled", at(30))
	last := p.under(at(35))
	p.passed(at(40))
	last()
	hold("all is settled, and nothing was wanted up to 40", at(40))
	third, fourth := p.under(at(50)), p.under(at(60))
	third()
	if err := p.close(); err != nil {
		t.Error(err)
	}
	hold("closed when 50 was settled", at(50))
	fourth()
	hold("60 was settled behind the end", at(50))
}
