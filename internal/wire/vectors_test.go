package wire

import (
	"bufio"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// sharedFile reads a file of the known-good material, or skips the test where that is not at hand.
func sharedFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(fedmsgtest.Shared(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sharedJSON(t testing.TB, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(sharedFile(t, name), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// refusedLeniency lists the inputs of x02 that the old system reads and this one refuses on purpose.
var refusedLeniency = map[string]fedmsg.Code{
	`{"a":1,"a":2}`:       fedmsg.CodeDuplicateKey,
	`{"a":1,"b":2,"a":3}`: fedmsg.CodeDuplicateKey,
	`{"\u0061":1,"a":2}`:  fedmsg.CodeDuplicateKey,
}

func TestCanonicalVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Hex       string  `json:"input_utf8_hex"`
			Canonical *string `json:"canonical"`
		}
	}
	sharedJSON(t, "interop/vectors/x02_canonical_json.json", &file)
	if len(file.Cases) != 97 {
		t.Fatalf("%d cases; 97 are known", len(file.Cases))
	}
	refused := 0
	for _, c := range file.Cases {
		in := unhex(t, c.Hex)
		got, err := AppendCanonical([]byte("before"), in)
		if code, ok := refusedLeniency[string(in)]; ok {
			refused++
			if fedmsg.CodeOf(err) != code {
				t.Errorf("%q: error %v, want %s", in, err, code)
			}
			continue
		}
		switch {
		case c.Canonical == nil && fedmsg.CodeOf(err) != fedmsg.CodeBadJSON:
			t.Errorf("%q: gave %q and error %v, want %s", in, got, err, fedmsg.CodeBadJSON)
		case c.Canonical == nil && string(got) != "before":
			t.Errorf("%q: an error changed dst to %q", in, got)
		case c.Canonical != nil && (err != nil || string(got) != "before"+*c.Canonical):
			t.Errorf("%q: gave %q and error %v, want %q", in, got, err, *c.Canonical)
		}
	}
	if refused != len(refusedLeniency) {
		t.Errorf("%d of %d listed leniencies are in the file", refused, len(refusedLeniency))
	}
}

func TestFloatVectors(t *testing.T) {
	var file struct{ Cases [][2]string }
	sharedJSON(t, "interop/vectors/x03_float_repr.json", &file)
	if len(file.Cases) != 1832 {
		t.Fatalf("%d cases; 1832 are known", len(file.Cases))
	}
	for _, c := range file.Cases {
		f := math.Float64frombits(binary.BigEndian.Uint64(unhex(t, c[0])))
		if got := appendFloat(nil, f); string(got) != c[1] {
			t.Errorf("%s: appendFloat gave %s, want %s", c[0], got, c[1])
		}
		if got, err := AppendCanonical(nil, []byte(c[1])); err != nil || string(got) != c[1] {
			t.Errorf("%s: canonical form is %s (%v)", c[1], got, err)
		}
	}
}

func TestRandomDocumentVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Wire      string `json:"wire_hex"`
			Canonical string `json:"canonical"`
			SHA1      string `json:"canonical_sha1"`
		}
	}
	sharedJSON(t, "interop/vectors/x04_random_documents.json", &file)
	if len(file.Cases) != 200 {
		t.Fatalf("%d cases; 200 are known", len(file.Cases))
	}
	for _, c := range file.Cases {
		in := unhex(t, c.Wire)
		got, err := AppendCanonical(nil, in)
		sum := sha1.Sum(got)
		if err != nil || string(got) != c.Canonical || hex.EncodeToString(sum[:]) != c.SHA1 {
			t.Errorf("%q: gave %q and error %v, want %q", in, got, err, c.Canonical)
		}
	}
}

// vector is one of v01 to v12.
type vector struct {
	Frozen struct {
		Time     float64 `json:"time_time"`
		Username string
		I        uint64
	}
	Unsigned    struct{ Hex []string } `json:"unsigned_frames"`
	SignedHex   struct{ Hex []string } `json:"signed_frames"`
	SignedBytes string                 `json:"signed_bytes_hex"`
	Receiver    string                 `json:"receiver_canonical_bytes_text"`
	Equals      bool                   `json:"receiver_canonical_equals_signed"`
}

// oldFrames gives the vectors v01 to v12 by name.
func oldFrames(t testing.TB) map[string]vector {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(fedmsgtest.Shared(t, "interop/vectors"), "v*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 12 {
		t.Fatalf("%d vectors; 12 are known", len(names))
	}
	vectors := map[string]vector{}
	for _, name := range names {
		var v vector
		sharedJSON(t, "interop/vectors/"+filepath.Base(name), &v)
		vectors[strings.TrimSuffix(filepath.Base(name), ".json")] = v
	}
	return vectors
}

// unsortedOnTheWire lists the vectors whose sender did not send canonical JSON: its integer keys were sorted as numbers.
var unsortedOnTheWire = map[string]bool{"v08_non_string_keys": true}

// notIJSON lists the vectors that need envelope_base64.
var notIJSON = map[string]bool{
	"v03_astral_and_lone_surrogates": true, "v04_floats": true, "v06_nested_and_key_order": true,
}

// notAtNewDoors lists why a strict door refuses a vector.
var notAtNewDoors = map[string]fedmsg.Code{
	"v03_astral_and_lone_surrogates": fedmsg.CodeBadJSON,
	"v04_floats":                     fedmsg.CodeBadJSON,
	"v06_nested_and_key_order":       fedmsg.CodeBadJSON,
	"v09_string_body":                fedmsg.CodeBadBody,
	"v10_topic_building":             fedmsg.CodeBadTopic,
	"v11_list_body":                  fedmsg.CodeBadBody,
}

func TestOldFrames(t *testing.T) {
	d := &Decoder{Limits: fedmsg.DefaultLimits()}
	for name, v := range oldFrames(t) {
		t.Run(name, func(t *testing.T) {
			topic, body := unhex(t, v.Unsigned.Hex[0]), unhex(t, v.Unsigned.Hex[1])
			e, err := d.Envelope(body, Old)
			if err != nil {
				t.Fatal(err)
			}
			if e.Topic != string(topic) || string(e.Bytes) != string(body) || e.Signed() {
				t.Errorf("decoded as %+v", e)
			}
			if e.NotIJSON != notIJSON[name] {
				t.Errorf("NotIJSON is %v", e.NotIJSON)
			}
			if e.Username != "fedmsg" || !strings.HasPrefix(e.ID, "2023-feed0000-0000-4000-8000-") || string(e.Timestamp) != "1700000000" {
				t.Errorf("decoded as %+v", e)
			}
			canonical, err := AppendCanonical(nil, body)
			if err != nil || (string(canonical) == string(body)) == unsortedOnTheWire[name] {
				t.Errorf("canonical form is %q (%v)\nthe frame is %q", canonical, err, body)
			}
			_, err = d.Envelope(body, Strict)
			if fedmsg.CodeOf(err) != notAtNewDoors[name] {
				t.Errorf("strict: error %v, want code %q", err, notAtNewDoors[name])
			}
			checkSigned(t, d, v)
			checkDraft(t, v, e)
		})
	}
}

// checkSigned holds that the signed frame decodes, and that without its signature it is what was signed.
func checkSigned(t *testing.T, d *Decoder, v vector) {
	t.Helper()
	frame := unhex(t, v.SignedHex.Hex[1])
	e, err := d.Envelope(frame, Old)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Signed() || e.Certificate == nil || string(e.Crypto) != `"x509"` || string(e.Bytes) != string(frame) {
		t.Errorf("signed frame decoded as %+v", e)
	}
	got, err := appendCanonical(nil, frame, unsignedMembers)
	if err != nil || string(got) != v.Receiver {
		t.Errorf("what a receiver checks is %q (%v), want %q", got, err, v.Receiver)
	}
	if equal := string(got) == string(unhex(t, v.SignedBytes)); equal != v.Equals {
		t.Errorf("equals what was signed: %v, want %v", equal, v.Equals)
	}
}

// checkDraft holds that a new envelope of the same content has the old system's bytes, but for stream and n.
func checkDraft(t *testing.T, v vector, e Envelope) {
	t.Helper()
	d := Draft{
		Topic: e.Topic, ID: e.ID, Username: v.Frozen.Username, Time: int64(v.Frozen.Time), I: v.Frozen.I,
		Body: e.Body,
	}
	if got := AppendEnvelope(nil, &d); string(got) != string(e.Bytes) {
		t.Errorf("a new envelope is %q\nthe old one is %q", got, e.Bytes)
	}
	d.Stream, d.N = "k3v5q2m7", 7
	got := string(AppendEnvelope(nil, &d))
	if !strings.Contains(got, `,"n":7,"stream":"k3v5q2m7",`) ||
		strings.Replace(got, `"n":7,"stream":"k3v5q2m7",`, "", 1) != string(e.Bytes) {
		t.Errorf("a new envelope with stream and n is %q\nthe old one is %q", got, e.Bytes)
	}
}

// corpusLine is one line of the real messages.
type corpusLine struct {
	Message json.RawMessage
}

// corpus gives the envelopes of a file of real messages.
func corpus(t testing.TB, name string) [][]byte {
	t.Helper()
	var all [][]byte
	lines := bufio.NewScanner(strings.NewReader(string(sharedFile(t, "corpus/"+name))))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l corpusLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Message)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
