package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestFresh looks at both sides of each border of time, at both kinds of entrance, for each form of signature.
func TestFresh(t *testing.T) {
	now := start.Unix()
	trimmed := start.Add(-30 * time.Minute)
	for _, c := range []struct {
		name       string
		timestamp  string
		until      time.Time // of what is trimmed
		live, late string
		says       []string
	}{
		{"now", fmt.Sprint(now), time.Time{}, "new", "new", nil},
		{"max_age", fmt.Sprint(now - 3600), time.Time{}, "new", "new", nil},
		{"beyond max_age", fmt.Sprint(now - 3601), time.Time{}, "stale", "new", []string{"2026-11-21T10:59:59Z", "2026-11-21T12:00:00Z", "1h0m0s"}},
		{"a fraction beyond", fmt.Sprint(now-3601) + ".5", time.Time{}, "stale", "new", []string{"2026-11-21T10:59:59.5Z", "2026-11-21T12:00:00Z"}},
		{"max_future", fmt.Sprint(now + 60), time.Time{}, "new", "new", nil},
		{"beyond max_future", fmt.Sprint(now + 61), time.Time{}, "from_future", "from_future", []string{"2026-11-21T12:01:01Z", "2026-11-21T12:00:00Z", "1m0s"}},
		{"as a float", fmt.Sprintf("%d.0e0", now), time.Time{}, "new", "new", nil},
		{"far ahead", "1e300", time.Time{}, "from_future", "from_future", []string{"9999-12-31"}},
		{"further", "1e999", time.Time{}, "from_future", "from_future", nil},
		{"before all time", "-1e999", time.Time{}, "stale", "new", nil},
		{"zero", "0", time.Time{}, "stale", "new", []string{"1970-01-01T00:00:00Z"}},
		{"none", "null", time.Time{}, "bad_envelope", "new", []string{"no timestamp", "2026-11-21T12:00:00Z"}},
		{"none, trimmed", "null", trimmed, "bad_envelope", "bad_envelope", []string{"no timestamp"}},
		{"behind what is trimmed", fmt.Sprint(trimmed.Unix() + 61), trimmed, "new", "new", nil},
		{"a clock ahead, trimmed", fmt.Sprint(trimmed.Unix() + 60), trimmed, "stale", "stale", []string{"2026-11-21T11:31:00Z", "2026-11-21T11:30:00Z"}},
		{"old and trimmed", fmt.Sprint(now - 7200), trimmed, "stale", "stale", nil},
	} {
		envelope := fmt.Sprintf(`{"topic":"a.b","msg":{},"msg_id":"x","timestamp":%s}`, c.timestamp)
		with := func(signature string) string {
			return strings.TrimSuffix(envelope, "}") + fmt.Sprintf(`,"signature":%q}`, signature)
		}
		for form, line := range map[string]string{"detached": detached(envelope, "ok:bts"), "x509": with("ok:bts/www"), "gpg": with("topic_not_covered:old/AB")} {
			for _, replaying := range []bool{false, true} {
				want := map[bool]string{false: c.live, true: c.late}[replaying]
				log := newMemLog()
				log.until = c.until
				d := newDoor(log, nil).With(Passage{Replaying: replaying})
				out := accept(t, d, line)
				if word(out[0]) != want {
					t.Errorf("%s, %s, replaying %v: %v, want %s", c.name, form, replaying, out, want)
				}
				for _, text := range c.says {
					if err := out[0].Err; err != nil && !strings.Contains(err.Error(), text) {
						t.Errorf("%s: no word of %s in: %v", c.name, text, err)
					}
				}
			}
		}
		// Who may publish may say any time, where nobody signed for it; and nothing is looked at where that is switched off.
		log := newMemLog()
		log.until = c.until
		off := newDoor(log, nil).With(Passage{Verify: fedmsg.VerifyInsecureOff})
		for _, out := range [][]fedmsg.Outcome{accept(t, newDoor(log, nil), envelope), accept(t, off, with("ok:bts"))} {
			if out[0].Err != nil {
				t.Errorf("%s, not verified: %v", c.name, out)
			}
		}
	}
}

// TestFreshSettings holds that the limits are those of the configuration.
func TestFreshSettings(t *testing.T) {
	d := newDoor(newMemLog(), func(c *Config) { c.MaxAge, c.MaxFuture = time.Second, 2*time.Second })
	for offset, want := range map[int64]string{-2: "stale", -1: "new", 2: "new", 3: "from_future"} {
		line := fmt.Sprintf(`{"topic":"a.b","msg":{},"msg_id":"x%d","timestamp":%d,"signature":"ok:bts"}`, offset, start.Unix()+offset)
		if out := accept(t, d, line); word(out[0]) != want {
			t.Errorf("%d seconds off: %v, want %s", offset, out, want)
		}
	}
}

// TestNodeSignsNoTimeToCome holds that nobody has the node sign now what can be handed in as new at a time to come, when he may
// not publish any more and no log knows it.
func TestNodeSignsNoTimeToCome(t *testing.T) {
	for offset, want := range map[int64]string{-100_000: "as ok node", 60: "as ok node", 61: "from_future", 1 << 40: "from_future"} {
		for _, p := range []Passage{{Sign: true}, {Replaying: true, Sign: true}, {Verify: fedmsg.VerifyRequire, Sign: true}} {
			d, log := signingDoor(nil)
			line := fmt.Sprintf(`{"topic":"node.b","msg":{},"msg_id":"x","timestamp":%d}`, start.Unix()+offset)
			if out := accept(t, d.With(p), line); stored(log, out[0]) != want {
				t.Errorf("%d seconds ahead, %+v: %v, want %s", offset, p, out, want)
			}
		}
	}
}
