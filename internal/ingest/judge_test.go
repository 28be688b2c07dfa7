package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// signed is an envelope of now with an embedded signature, see fakeVerifier.
func signed(topic, id, signature string) string {
	return fmt.Sprintf(`{"topic":%q,"msg":{},"msg_id":%q,"timestamp":%d,"signature":%q}`, topic, id, start.Unix(), signature)
}

// plain is an envelope of now without one.
func plain(topic, id string) string {
	return fmt.Sprintf(`{"topic":%q,"msg":{},"msg_id":%q,"timestamp":%d}`, topic, id, start.Unix())
}

// detached is an envelope with one detached signature, as DSSE.
func detached(envelope, keyID string) string {
	signatures := wire.AppendSignatures(nil, []wire.Signature{{KeyID: keyID, Sig: []byte{1}}})
	return string(wire.AppendDSSE(nil, wire.EnvelopeType, []byte(envelope), signatures))
}

// stored says what became of a line: the code, or as what it was stored, by verdict and signer.
func stored(log *memLog, o fedmsg.Outcome) string {
	if o.Err != nil {
		return word(o)
	}
	e := log.all()[o.Receipt.Seq-1]
	return strings.TrimSpace("as " + string(e.Verdict) + " " + e.Signer)
}

// TestModes holds what becomes of each kind of message at each kind of door.
func TestModes(t *testing.T) {
	type outcomes struct{ require, ifSigned, off string }
	all := func(s string) outcomes { return outcomes{s, s, "as unchecked"} }
	signer, none := Signer(&fakeSigner{}), Signer(nil)
	for _, c := range []struct {
		name   string
		line   string
		signer Signer
		want   outcomes
	}{
		{"submission", `{"topic":"a.b","msg":{}}`, signer, outcomes{"wrong_topic", "as unsigned", "as unchecked"}},
		{"submission, node signs nothing", `{"topic":"node.b","msg":{}}`, none, outcomes{"unsigned", "as unsigned", "as unchecked"}},
		{"submission, node signs", `{"topic":"node.b","msg":{}}`, signer, outcomes{"as ok node", "as ok node", "as ok node"}},
		{"unsigned", plain("a.b", "x"), signer, outcomes{"wrong_topic", "as unsigned", "as unchecked"}},
		{"unsigned, node signs nothing", plain("node.b", "x"), none, outcomes{"unsigned", "as unsigned", "as unchecked"}},
		{"unsigned, node signs", plain("node.b", "x"), signer, outcomes{"as ok node", "as ok node", "as unchecked"}},
		{"certificate without signature", `{"topic":"node.b","msg":{},"msg_id":"x","certificate":"x"}`, signer, outcomes{"unsigned", "as unsigned", "as unchecked"}},
		{"crypto without signature", `{"topic":"node.b","msg":{},"msg_id":"x","crypto":"x"}`, none, outcomes{"unsigned", "as unsigned", "as unchecked"}},
		{"good", signed("node.b", "x", "ok:bts/www"), signer, all("as ok bts/www")},
		{"good, detached", detached(plain("node.b", "x"), "ok:bts"), signer, all("as ok bts")},
		{"topic not covered", signed("a.b", "x", "topic_not_covered:old/AB"), signer, all("as topic_not_covered old/AB")},
		{"bad", signed("node.b", "x", "bad_signature:bts/www"), signer, all("bad_signature")},
		{"bad, detached", detached(plain("node.b", "x"), "bad_signature:bts"), signer, all("bad_signature")},
		{"unknown", signed("a.b", "x", "unknown_signer:"), none, all("unknown_signer")},
		{"verifier without a verdict", signed("node.b", "x", ":bts"), signer, all("internal")},
	} {
		for _, m := range []struct {
			mode fedmsg.VerifyMode
			want string
		}{
			{fedmsg.VerifyRequire, c.want.require}, {"", c.want.require}, {"other", c.want.require},
			{fedmsg.VerifyIfSigned, c.want.ifSigned}, {fedmsg.VerifyInsecureOff, c.want.off},
		} {
			t.Run(c.name+"/"+string(m.mode), func(t *testing.T) {
				log, v := newMemLog(), &fakeVerifier{}
				d := newDoor(log, func(cfg *Config) { cfg.Verify, cfg.Verifier, cfg.Signer = m.mode, v, c.signer })
				out := accept(t, d, c.line)
				if got := stored(log, out[0]); got != m.want {
					t.Errorf("%s (%v), want %s", got, out[0].Err, m.want)
				}
				if n := v.calls.Load(); n > 0 && m.mode == fedmsg.VerifyInsecureOff {
					t.Errorf("a signature was looked at %d times", n)
				}
				d = New(Config{Log: log, Accounts: accounts, Verifier: v, Signer: c.signer, Now: d.c.Now}).With(Passage{Verify: m.mode, Sign: true})
				log.clear()
				if got := stored(log, accept(t, d, c.line)[0]); got != m.want {
					t.Errorf("through another entrance: %s, want %s", got, m.want)
				}
				d = newDoor(log, func(cfg *Config) { cfg.Verify, cfg.Verifier, cfg.Signer = m.mode, nil, c.signer })
				want := "unavailable"
				if m.mode == fedmsg.VerifyInsecureOff {
					want = m.want
				}
				log.clear()
				if got := stored(log, accept(t, d, c.line)[0]); got != want {
					t.Errorf("with nothing to verify with: %s, want %s", got, want)
				}
			})
		}
	}
}

// TestStoredBytes holds that what a publisher signed is stored to the byte, with its signatures, also after the caller has
// used its memory again.
func TestStoredBytes(t *testing.T) {
	embedded, inside := signed("a.b", "x", "ok:bts"), plain("a.b", "y")
	for _, n := range []int{1, 8} { // judged at once, and later
		log := newMemLog()
		d := newDoor(log, func(c *Config) { c.Signer = &fakeSigner{} })
		lines := [][]byte{[]byte(embedded), []byte(detached(inside, "ok:bts"))}
		for i := range n {
			lines = append(lines, []byte(signed("a.c", fmt.Sprint(i), "ok:bts")))
		}
		tickets := []fedmsg.Ticket{d.Submit(t.Context(), root, lines[:1]...), d.Submit(t.Context(), root, lines[1:]...)}
		for _, line := range lines {
			clear(line)
		}
		for _, ticket := range tickets {
			if _, err := ticket.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		all := log.all()
		if string(all[0].Envelope) != embedded || all[0].Signatures != nil || string(all[1].Envelope) != inside ||
			string(all[1].Signatures) != `[{"keyid":"ok:bts","sig":"AQ=="}]` {
			t.Errorf("stored %+v", all[:2])
		}
	}
}

// TestCheapRefusal holds that nobody has signatures looked at who could not publish anyway.
func TestCheapRefusal(t *testing.T) {
	v := &fakeVerifier{}
	d := newDoor(newMemLog(), func(c *Config) {
		c.Verifier, c.Publishers = v, []Publisher{{Signer: "bts", Topics: patterns("org.bts.#")}}
	})
	ann := sender("uid:1000")
	for _, line := range []string{signed("a.b", "x", "ok:bts"), detached(plain("a.b", "x"), "ok:bts"), plain("org.bts.x", "y"), `{"topic":"org.bts.x","msg":{}}`} {
		if out := acceptFrom(t, d, ann, line); word(out[0]) != "forbidden" || v.calls.Load() != 0 {
			t.Errorf("%v after %d looks at a signature", out, v.calls.Load())
		}
	}
	if out := acceptFrom(t, d, ann, signed("org.bts.x", "x", "ok:bts")); word(out[0]) != "new" || v.calls.Load() != 1 {
		t.Errorf("%v after %d looks at a signature", out, v.calls.Load())
	}
}

// TestRightsOfSigner holds who may hand in what a signer signed.
func TestRightsOfSigner(t *testing.T) {
	rules := []Publisher{
		{Signer: "bts", Topics: patterns("org.bts.#")}, {Signer: "ca/www", Topics: patterns("org.www.#")}, {Signer: "node", Topics: patterns("node.#")},
	}
	for i, c := range []struct{ topic, signature, from, want string }{
		{"org.bts.x", "ok:bts", "uid:1000", "new"},
		{"org.bts.x", "ok:bts", "", "new"},
		{"org.bts.x", "ok:bts", "loopback:", "new"},
		{"org.bts.x", "ok:bts/any/name", "uid:1000", "new"},
		{"org.bts.x", "ok:btsx", "uid:1000", "forbidden"},
		{"org.bts.x", "ok:bt", "uid:1000", "forbidden"},
		{"org.bts.x", "ok:other/bts", "uid:1000", "forbidden"},
		{"org.bts.x", "ok:other", "", "unauthenticated"},
		{"org.bts.x", "ok:other", "uid:0", "new"}, // who may publish itself
		{"org.other.x", "ok:bts", "uid:1000", "forbidden"},
		{"org.www.x", "ok:bts", "uid:1000", "forbidden"},
		{"org.bts.x", "ok:", "uid:1000", "forbidden"},
		{"org.www.x", "ok:ca/www", "uid:1000", "new"},
		{"org.www.x", "ok:ca/www/x", "uid:1000", "forbidden"}, // another name with a slash in it
		{"org.www.x", "ok:ca", "uid:1000", "forbidden"},
		{"org.www.x", "ok:ca/ftp", "uid:1000", "forbidden"},
		{"org.bts.x", "topic_not_covered:bts/AB", "uid:1000", "forbidden"}, // it did not sign the topic
		{"org.bts.x", "topic_not_covered:bts/AB", "uid:0", "new"},
		{"org.bts.x", "bad_signature:bts", "uid:1000", "bad_signature"},
		{"node.x", "", "uid:1000", "forbidden"}, // the node signs for nobody without rights
	} {
		for _, mode := range []fedmsg.VerifyMode{fedmsg.VerifyRequire, fedmsg.VerifyIfSigned, fedmsg.VerifyInsecureOff} {
			d := newDoor(newMemLog(), func(cfg *Config) { cfg.Publishers, cfg.Verify, cfg.Signer = rules, mode, &fakeSigner{} })
			if err := d.c.Validate(); err != nil {
				t.Fatal(err)
			}
			line, want := signed(c.topic, "x", c.signature), c.want
			if c.signature == "" {
				line = plain(c.topic, "x")
			}
			if mode == fedmsg.VerifyInsecureOff { // nobody is verified there
				want = map[string]string{"uid:1000": "forbidden", "uid:0": "new"}[c.from]
				if want == "" {
					want = "unauthenticated"
				}
			}
			if out := acceptFrom(t, d, sender(strings.TrimSuffix(c.from, ":")), line); word(out[0]) != want {
				t.Errorf("case %d, %s: %v, want %s", i, mode, out, want)
			}
		}
	}
}

// TestSignerOfRefusal holds that the operator learns who is said to have signed what was refused.
func TestSignerOfRefusal(t *testing.T) {
	for _, n := range []int{1, few + 1} {
		var buf bytes.Buffer
		reg := prometheus.NewRegistry()
		d := newDoor(newMemLog(), func(c *Config) { c.Logger, c.Metrics = slog.New(slog.NewTextHandler(&buf, nil)), NewMetrics(reg) })
		accept(t, d, slices.Repeat([]string{signed("a.b", "x", "revoked:bts/www")}, n)...)
		if s := buf.String(); !strings.Contains(s, "signer=bts/www") || !strings.Contains(s, "code=revoked") || strings.Count(s, "\n") != 1 {
			t.Errorf("logged %q", s)
		}
		if got := gather(t, reg)["revoked"]; got != float64(n) {
			t.Errorf("%v refusals are counted", got)
		}
	}
}

// TestBatchOnCores holds that a batch is verified on all cores at once, that each outcome stands at its line, and that
// refusals are logged in the order of the lines.
func TestBatchOnCores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		log := newMemLog()
		v := &fakeVerifier{before: func() { time.Sleep(time.Second) }}
		began := time.Now()
		d := newDoor(log, func(c *Config) {
			c.Verifier, c.Logger, c.Signer = v, slog.New(slog.NewTextHandler(&buf, nil)), &fakeSigner{}
		})
		lines := []string{
			signed("a.b", "1", "ok:bts"), `{"topic":"node.1","msg":{}}`, signed("a.b", "2", "bad_signature:bts"), `nonsense`,
			detached(plain("a.b", "3"), "ok:bts"), `{"topic":"node.2","msg":{},"id":"own"}`, signed("a.b", "4", "revoked:bts"),
			signed("a.b", "5", "ok:bts"), `{"topic":"a..b","msg":{}}`, plain("node.3", "6"), signed("a.b", "7", "unknown_signer:"),
			signed("a.b", "8", "ok:bts"),
		}
		want := []string{"new", "new", "bad_signature", "bad_json", "new", "new", "revoked", "new", "bad_topic", "new", "unknown_signer", "new"}
		if got := words(accept(t, d, lines...)); !slices.Equal(got, want) {
			t.Errorf("outcomes are %v, want %v", got, want)
		}
		cores := runtime.GOMAXPROCS(0)
		if took, most := time.Since(began), time.Duration((7+cores-1)/cores)*time.Second; took > most {
			t.Errorf("7 signatures of a second each took %v on %d cores", took, cores)
		}
		var codes, topics []string
		for line := range strings.Lines(buf.String()) {
			_, code, _ := strings.Cut(line, "code=")
			code, _, _ = strings.Cut(code, " ")
			codes = append(codes, code)
		}
		if want := []string{"bad_signature", "bad_json", "revoked", "bad_topic", "unknown_signer"}; !slices.Equal(codes, want) {
			t.Errorf("logged %v, want %v", codes, want)
		}
		for _, e := range log.all() {
			topics = append(topics, e.Topic+"="+parse(t, e).Topic+"="+e.Signer)
		}
		if want := []string{"a.b=a.b=bts", "node.1=node.1=node", "a.b=a.b=bts", "node.2=node.2=node", "a.b=a.b=bts", "node.3=node.3=node", "a.b=a.b=bts"}; !slices.Equal(topics, want) {
			t.Errorf("stored %v, want %v", topics, want)
		}
	})
}

// TestPanicReachesCaller holds that what a verifier throws does not end the process where the caller would have caught it.
func TestPanicReachesCaller(t *testing.T) {
	for _, n := range []int{1, 100} {
		d := newDoor(newMemLog(), func(c *Config) { c.Verifier = &fakeVerifier{before: func() { panic("hostile") }} })
		func() {
			defer func() {
				if v := recover(); v != "hostile" {
					t.Errorf("thrown is %v", v)
				}
			}()
			accept(t, d, slices.Repeat([]string{signed("a.b", "x", "ok:bts")}, n)...)
		}()
	}
	if runtime.GOMAXPROCS(0) == 1 {
		return
	}
	other := make(chan struct{})
	defer func() {
		if v := recover(); v != "elsewhere" {
			t.Errorf("thrown on another goroutine is %v", v)
		}
	}()
	onCores(few+1, func(int) {
		if !bytes.Contains(debug.Stack(), []byte("ingest.TestPanicReachesCaller(")) {
			defer close(other)
			panic("elsewhere")
		}
		<-other
	})
}
