package trust_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/pki/pkitest"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestVectors judges what the old program signed, each of the twelve by name.
func TestVectors(t *testing.T) {
	t.Parallel()
	s := open(t, config(vectors(t)))
	good := "ok research/shell-vm.example.com"
	for name, want := range map[string]string{
		"v01_empty": good, "v02_unicode_escapes": good, "v03_astral_and_lone_surrogates": good, "v04_floats": good,
		"v05_ints_bools_null": good, "v06_nested_and_key_order": good, "v07_datetime_and_objects": good,
		// Its sender signed keys in an order that no receiver can know.
		"v08_non_string_keys": "bad bad_signature",
		"v09_string_body":     good, "v10_topic_building": good, "v11_list_body": good, "v12_realistic_1k": good,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := judged(t, s, vector(t, name), then); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// vector gives the signed body frame of a vector.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	var v struct {
		Frames struct{ Hex []string } `json:"signed_frames"`
	}
	readJSON(t, &v, "interop", "vectors", name+".json")
	text, err := hex.DecodeString(v.Frames.Hex[1])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestValidationOutcomes judges the 29 messages of which it is known what the old program says of each. Where we are stricter
// or say no in another way the table names it.
func TestValidationOutcomes(t *testing.T) {
	t.Parallel()
	var file struct{ Cases []validationCase }
	readJSON(t, &file, "interop", "vectors", "x05_validation_outcomes.json")
	want := validationOutcomes()
	if len(file.Cases) != len(want) {
		t.Errorf("there are %d cases, and %d in the table", len(file.Cases), len(want))
	}
	for _, c := range file.Cases {
		t.Run(c.Case, func(t *testing.T) {
			t.Parallel()
			w, ok := want[c.Case]
			if !ok {
				t.Fatal("it is not in the table")
			}
			if got := judged(t, open(t, c.config(t)), []byte(c.Wire), then); got != w.verdict {
				t.Errorf("got %q, want %q", got, w.verdict)
			}
			if valid := !strings.HasPrefix(w.verdict, "bad "); valid != c.Valid && !w.stricter {
				t.Errorf("the old program says %v", c.Valid)
			} else if valid == c.Valid && w.stricter {
				t.Errorf("we are said to be stricter here, and are not")
			}
		})
	}
}

type validationCase struct {
	Case, Wire string
	Valid      bool `json:"expect_valid"`
	Overrides  struct {
		Policy   map[string][]string `json:"routing_policy"`
		Nitpicky bool                `json:"routing_nitpicky"`
		CRL      json.RawMessage     `json:"crl_location"`
		CA       string              `json:"ca_cert_location"`
	} `json:"config_overrides"`
}

// config is that of the old program as ours.
func (v *validationCase) config(t *testing.T) trust.Config {
	r := vectors(t)
	if v.Overrides.CRL != nil {
		var name string
		if err := json.Unmarshal(v.Overrides.CRL, &name); err != nil {
			t.Fatal(err)
		}
		r.CRL = ""
		if name != "" {
			r.CRL = vectorPKI(t, filepath.Base(name))
		}
	}
	if v.Overrides.CA != "" {
		// With the list of one authority the old program reads it without a word and then says no to everything. We do not
		// open: see TestOpenFaults.
		r.CA, r.CRL = vectorPKI(t, filepath.Base(v.Overrides.CA)), ""
	}
	c := config(r)
	c.File.Policy = trust.Policy{Nitpicky: v.Overrides.Nitpicky, Topics: v.Overrides.Policy}
	return c
}

type validationOutcome struct {
	verdict  string
	stricter bool // the old program takes it
}

func validationOutcomes() map[string]validationOutcome {
	good := "ok research/shell-vm.example.com"
	return map[string]validationOutcome{
		"good":                                   {verdict: good},
		"signed by peer-vm.example.com":          {verdict: "ok research/peer-vm.example.com"},
		"signed by sha1-vm.example.com":          {verdict: "ok research/sha1-vm.example.com"},
		"signed by rsa1024-vm.example.com":       {verdict: "ok research/rsa1024-vm.example.com"},
		"signed by twocn":                        {verdict: "bad malformed_signature", stricter: true},
		"signed by nocn":                         {verdict: "bad malformed_signature"},
		"signed by revoked-vm.example.com":       {verdict: "bad revoked"},
		"signed by expired-vm.example.com":       {verdict: "bad expired"},
		"signed by foreign-vm.example.com":       {verdict: "bad unknown_signer"},
		"twocn: policy lists first CN":           {verdict: "bad malformed_signature", stricter: true},
		"tampered":                               {verdict: "bad bad_signature"},
		"seq_id added after signing":             {verdict: "bad bad_signature"},
		"timestamp int->float":                   {verdict: "bad bad_signature"},
		"unwrapped base64":                       {verdict: good},
		"bad base64 padding":                     {verdict: "bad malformed_signature"},
		"signature null":                         {verdict: "bad malformed_signature"},
		"signature missing":                      {verdict: "bad malformed_signature"},
		"crypto key missing":                     {verdict: "bad bad_signature"},
		"legacy <=0.7.2: never had a crypto key": {verdict: good},
		"crypto='rot13'":                         {verdict: "bad malformed_signature"},
		"crypto=None":                            {verdict: "bad bad_signature"}, // null is as if absent, and was not signed
		"routing policy denies":                  {verdict: "bad wrong_topic"},
		"nitpicky without entry":                 {verdict: "bad wrong_topic"},
		"crl none":                               {verdict: good},
		"crl expired":                            {verdict: "bad stale_crl"},
		"ca of another CA":                       {verdict: "bad unknown_signer"},
		"already signed, then signed again (signing relay)": {verdict: "bad bad_signature"},
		"datagrepper copy, raw":                             {verdict: "bad bad_signature"},
		"datagrepper copy, after fix_datagrepper_message":   {verdict: good},
	}
}

// TestArchivedCopy takes what the old archive added only where that was asked for.
func TestArchivedCopy(t *testing.T) {
	t.Parallel()
	var file struct{ Cases []validationCase }
	readJSON(t, &file, "interop", "vectors", "x05_validation_outcomes.json")
	c := config(vectors(t))
	c.Archived = true
	s := open(t, c)
	for _, v := range file.Cases {
		switch v.Case {
		case "datagrepper copy, raw":
			if got := judged(t, s, []byte(v.Wire), then); got != "ok research/shell-vm.example.com" {
				t.Errorf("%s: got %q", v.Case, got)
			}
		case "timestamp int->float", "tampered", "seq_id added after signing":
			if got := judged(t, s, []byte(v.Wire), then); got != "bad bad_signature" {
				t.Errorf("%s: got %q", v.Case, got)
			}
		}
	}
}

// TestGPGVectors judges what gpg signed for the old program: a change of the topic is not seen, one of the body is.
func TestGPGVectors(t *testing.T) {
	t.Parallel()
	var file struct {
		Fingerprint string
		Cases       []struct {
			Wire     string
			Moved    string `json:"wire_with_changed_topic"`
			Tampered string `json:"tampered_wire"`
		}
	}
	readJSON(t, &file, "interop", "vectors", "x07_gpg.json")
	root := trust.Root{Name: "peer", Keyring: vectorPKI(t, "peer-public.asc"), Legacy: true, Topics: patterns(t, "org.fedoraproject.#")}
	s := open(t, config(root))
	covered := root
	covered.Topics = patterns(t, "#")
	all := open(t, config(covered))
	// The signatures say that they were made later than the messages.
	made := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	signer := "topic_not_covered peer/" + file.Fingerprint
	for i, c := range file.Cases {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for _, d := range []struct {
				what, wire, want string
				s                *trust.Store
			}{
				{"as it is", c.Wire, signer, s},
				{"under another topic of the root", c.Moved, signer, all},
				{"under a topic that is not the root's", c.Moved, "bad wrong_topic", s},
				{"with another body", c.Tampered, "bad bad_signature", s},
				{"without the root", c.Wire, "bad unknown_signer", open(t, config())},
			} {
				if got := judged(t, d.s, []byte(d.wire), made); got != d.want {
					t.Errorf("%s: got %q, want %q", d.what, got, d.want)
				}
			}
		})
	}
}

// production gives the 15 messages of the production system as the archive has them, and its authority.
func production(t *testing.T) (messages [][]byte, authority string) {
	t.Helper()
	var file struct {
		Messages []json.RawMessage `json:"raw_messages"`
	}
	readJSON(t, &file, "corpus", "datagrepper-raw-sample.json")
	var certificates [][]byte
	for _, m := range file.Messages {
		text, err := wire.AppendCanonical(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, text)
		var e struct{ Certificate string }
		if err := json.Unmarshal(m, &e); err != nil {
			t.Fatal(err)
		}
		data, err := base64.StdEncoding.DecodeString(e.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		certificates = append(certificates, block.Bytes)
	}
	return messages, write(t, "fedora.crt", pkitest.ProductionAuthority(t, certificates...))
}

// TestProduction judges 15 real messages of 2017: good as of then, and expired as of now; and their authority, whose key has
// 1024 bits, is taken only as a legacy one.
func TestProduction(t *testing.T) {
	t.Parallel()
	messages, authority := production(t)
	if len(messages) != 15 {
		t.Errorf("there are %d messages", len(messages))
	}
	root := trust.Root{Name: "fedora", CA: authority, Legacy: true, Topics: patterns(t, "org.fedoraproject.prod.#")}
	c := config(root)
	plain := open(t, c)
	c.Archived = true
	s := open(t, c)
	for i, m := range messages {
		r, e := decode(t, m)
		var stamp float64
		if err := json.Unmarshal(e.Timestamp, &stamp); err != nil {
			t.Fatal(err)
		}
		own := time.Unix(int64(stamp), 0)
		if got := outcome(t, s, r, e, own); !strings.HasPrefix(got, "ok fedora/") || r.Signer == "fedora/" {
			t.Errorf("message %d as of %s: got %q", i, own, got)
		}
		if got := judged(t, s, m, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)); got != "bad expired" {
			t.Errorf("message %d as of now: got %q", i, got)
		}
		if got := judged(t, plain, m, own); got != "bad bad_signature" {
			t.Errorf("message %d with what the archive added: got %q", i, got)
		}
	}
	root.Legacy = false
	_, err := trust.Open(config(root))
	if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), "legacy = true") {
		t.Errorf("without legacy: %v", err)
	}
}

// TestWeakNeedsLegacy takes certificates with SHA-1 and short keys from legacy roots only.
func TestWeakNeedsLegacy(t *testing.T) {
	t.Parallel()
	root := vectors(t)
	root.Legacy = false
	s := open(t, config(root))
	var file struct{ Cases []validationCase }
	readJSON(t, &file, "interop", "vectors", "x05_validation_outcomes.json")
	want := map[string]string{
		"good":                             "ok research/shell-vm.example.com",
		"signed by sha1-vm.example.com":    "bad weak_signature",
		"signed by rsa1024-vm.example.com": "bad weak_signature",
	}
	for _, c := range file.Cases {
		if w, ok := want[c.Case]; ok {
			if got := judged(t, s, []byte(c.Wire), then); got != w {
				t.Errorf("%s: got %q, want %q", c.Case, got, w)
			}
		}
	}
}
