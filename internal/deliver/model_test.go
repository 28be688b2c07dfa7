package deliver

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestModel has everything happen at random: entries that are wanted and not, refusals for good, lost connections, silence, pauses,
// stops in good order and crashes. Every wanted entry arrives, first arrivals in order, or lies with the dead letters because it was
// refused; nothing else ever arrives.
func TestModel(t *testing.T) {
	first, runs := uint64(1), uint64(15)
	if os.Getenv("FEDMSG_TEST_LONG") == "1" {
		runs = 500
	}
	if text := os.Getenv("FEDMSG_TEST_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, runs = n, 1
	}
	for seed := first; seed < first+runs; seed++ {
		if t.Failed() {
			return
		}
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) { runModel(t, seed, dir) })
		if t.Failed() {
			t.Logf("FEDMSG_TEST_SEED=%d repeats it", seed)
		}
	}
}

func runModel(t *testing.T, seed uint64, dir string) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	luck := rand.New(rand.NewPCG(seed, 2)) // of the destination, under its lock
	log := newMemLog()
	sink := &fakeSink{}
	calm := false
	sink.open = func(int) error {
		if !calm && luck.IntN(4) == 0 {
			return errors.New("connection refused")
		}
		return nil
	}
	refused := func(seq uint64) bool { return seq%13 == 5 }
	sink.fate = func(seq uint64, times int) fateOf {
		switch {
		case refused(seq):
			return fatePermanent
		case !calm && times < 4 && luck.IntN(10) == 0:
			return []fateOf{fateLost, fateLostHappened, fateSilent, fateSilentHappened, fateSendFails}[luck.IntN(5)]
		}
		return fateOK
	}
	cfg := config(t, "one")
	cfg.Topics, cfg.InFlight = patterns(t, "org.test.#"), 1+rnd.IntN(20)
	cfg.RetryMax, cfg.AnswerTimeout = time.Second, 2*time.Second
	s := newSet(t, log, dir, cfg, sink)
	s.Start()
	for round := range 30 {
		for range rnd.IntN(8) {
			log.add([]string{"org.test.a", "org.other.b"}[rnd.IntN(2)], 1+rnd.IntN(3))
		}
		settleDown(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		switch rnd.IntN(6) {
		case 0:
			check(t, s.Pause("one"))
			settleDown(time.Duration(rnd.IntN(3)) * time.Second)
			check(t, s.Resume("one"))
		case 1:
			stop(t, s)
			s = newSet(t, log, dir, cfg, sink)
			s.Start()
		case 2: // what was on the disk at some moment is all there is
			crashed := filepath.Join(dir, "crashed", strconv.Itoa(round))
			check(t, os.CopyFS(filepath.Join(crashed, "places"), os.DirFS(filepath.Join(dir, "places"))))
			check(t, os.CopyFS(filepath.Join(crashed, "sinks"), os.DirFS(filepath.Join(dir, "sinks"))))
			stop(t, s)
			dir = crashed
			s = newSet(t, log, dir, cfg, sink)
			s.Start()
		}
	}
	sink.change(func() { calm = true })
	check(t, s.Resume("one"))
	settleDown(10 * time.Minute)
	var want, dead []uint64
	for _, e := range log.entries {
		switch {
		case e.Topic != "org.test.a":
		case refused(e.Position.Seq):
			dead = append(dead, e.Position.Seq)
		default:
			want = append(want, e.Position.Seq)
		}
	}
	if got := firsts(sink.all()); !slices.Equal(got, want) {
		t.Errorf("the destination has first %v, want %v", got, want)
	}
	for _, seq := range dead {
		if d := s.Deliveries(log.entry(seq))[0]; d.State != fedmsg.DeliveryDead {
			t.Errorf("entry %d: %+v", seq, d)
		}
	}
	if st := s.List()[0]; st.Position != log.End() || st.Dead != len(dead) || st.State != StateRunning {
		t.Errorf("%+v, want %d dead", st, len(dead))
	}
	stop(t, s)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
