package deliver

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestWidenedIsUnknown holds that what a sink did not want when it went by is not said to be delivered when it is wanted later.
func TestWidenedIsUnknown(t *testing.T) {
	narrow := map[string]func(*Config){
		"topics":   func(c *Config) { c.Topics = patterns(t, "org.test.a") },
		"prefixes": func(c *Config) { c.Prefixes = []string{"org.test.a"} },
		"senders":  func(c *Config) { c.Senders = []string{"uid:1000"} },
		"signers":  func(c *Config) { c.Signers = []string{"root"} },
		"where":    func(c *Config) { c.Where = `topic == "org.test.a"` },
	}
	for name, change := range narrow {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				log := newMemLog()
				sink := &fakeSink{
					fate: func(seq uint64, _ int) fateOf {
						if seq == 5 {
							return fatePermanent
						}
						return fateOK
					},
					remark: func(seq uint64) string {
						if seq == 7 {
							return "nobody is bound to its topic"
						}
						return ""
					},
				}
				add := func() {
					log.add("org.test.a", 1)
					log.add("org.test.b", 1)
				}
				for range 4 {
					add()
				}
				for _, e := range log.entries {
					if e.Topic == "org.test.a" {
						e.Sender, e.Signer = "uid:1000", "root/x"
					}
				}
				cfg := config(t, "one")
				change(&cfg)
				s := startSet(t, log, dir, cfg, sink)
				settleDown(time.Minute)
				restart := func(c Config) {
					t.Helper()
					stop(t, s)
					s = startSet(t, log, dir, c, sink)
					settleDown(time.Minute)
				}
				check := func(want ...fedmsg.DeliveryState) {
					t.Helper()
					for i, state := range want {
						if d := s.Deliveries(log.entry(uint64(i + 1)))[0]; d.State != state || state == "unknown" && d.Reason != reasonChanged {
							t.Errorf("entry %d: %+v, want %s", i+1, d, state)
						}
					}
				}
				restart(cfg)
				check("delivered", "not_wanted", "delivered", "not_wanted", "dead", "not_wanted", "delivered", "not_wanted")
				restart(config(t, "one"))
				add()
				settleDown(time.Minute)
				for range 2 {
					check("unknown", "unknown", "unknown", "unknown", "dead", "unknown", "delivered", "unknown", "delivered", "delivered")
					restart(config(t, "one")) // and it is known still
				}
				if err := s.Rewind("one", at(3)); err != nil {
					t.Fatal(err)
				}
				settleDown(time.Minute)
				for range 2 {
					check("unknown", "unknown", "unknown", "delivered", "dead", "delivered", "delivered", "delivered", "delivered", "delivered")
					restart(config(t, "one"))
				}
			})
		})
	}
}

// TestSameFilter holds that a filter which is only said in another order is the same, and that where the file is gone nothing is
// said to be known.
func TestSameFilter(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 3)
		cfg := config(t, "one")
		cfg.Topics = patterns(t, "org.#", "com.#")
		want := fedmsg.DeliveryDelivered
		for i := range 3 {
			s := startSet(t, log, dir, cfg, sink)
			settleDown(time.Minute)
			if d := s.Deliveries(log.entry(2))[0]; d.State != want {
				t.Errorf("%d: %+v, want %s", i, d, want)
			}
			stop(t, s)
			if cfg.Topics = patterns(t, "com.#", "org.#"); i == 1 {
				want = fedmsg.DeliveryUnknown
				if err := os.Remove(dir + "/sinks/one/filter"); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
