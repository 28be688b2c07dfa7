package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
)

// This file has the slow and obvious way to say what a strict door accepts, and what must be true of every outcome. The
// fuzz targets and the mutation loop hold the decoder against it.

const testDepth = 64

// strictJSON reports whether in is one JSON value that a strict door accepts, by the standard library.
func strictJSON(in []byte) bool {
	return json.Valid(in) && utf8.Valid(in) && !loneSurrogate(in) && nesting(in) <= testDepth && uniqueKeys(in)
}

// loneSurrogate reports whether valid JSON has an escape that is half of a pair.
func loneSurrogate(in []byte) bool {
	units := []uint64{}
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '\\' && in[i+1] == 'u':
			u, _ := strconv.ParseUint(string(in[i+2:i+6]), 16, 32)
			units = append(units, u)
			i += 5
		case in[i] == '\\':
			i++
			units = append(units, 0)
		default:
			units = append(units, 0)
		}
	}
	for i := 0; i < len(units); i++ {
		switch u := units[i]; {
		case u>>10 == 0xd800>>10 && i+1 < len(units) && units[i+1]>>10 == 0xdc00>>10:
			i++
		case u>>11 == 0xd800>>11:
			return true
		}
	}
	return false
}

// nesting is how deep valid JSON goes.
func nesting(in []byte) int {
	depth, deepest, inside := 0, 0, false
	for i := 0; i < len(in); i++ {
		switch c := in[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case !inside && (c == '{' || c == '['):
			depth++
			deepest = max(deepest, depth)
		case !inside && (c == '}' || c == ']'):
			depth--
		}
	}
	return deepest
}

// uniqueKeys reports whether no object of valid JSON has a key twice.
func uniqueKeys(in []byte) bool {
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	type level struct {
		keys   map[string]bool // nil in an array
		atName bool
	}
	var stack []level
	for {
		token, err := d.Token()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		top := len(stack) - 1
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				stack = append(stack, level{keys: map[string]bool{}, atName: true})
				continue
			case '[':
				stack = append(stack, level{})
				continue
			}
			stack = stack[:top]
			top--
		case string:
			if top >= 0 && stack[top].atName {
				if stack[top].keys[token] {
					return false
				}
				stack[top].keys[token] = true
				stack[top].atName = false
				continue
			}
		}
		if top >= 0 && stack[top].keys != nil {
			stack[top].atName = true
		}
	}
}

// scan passes over one value.
func scan(in []byte, lenient bool) error {
	s := borrow(in, testDepth)
	defer s.release()
	s.lenient = lenient
	s.space()
	s.value()
	s.end()
	return s.err
}

// checkScan, as the others below, reports whether the text was accepted.
func checkScan(t testing.TB, in []byte) bool {
	t.Helper()
	err := scan(in, false)
	if want := strictJSON(in); (err == nil) != want {
		t.Errorf("scan of %q: %v; the reference accepts it: %v", in, err, want)
	}
	if err != nil && !strings.HasPrefix(err.Error(), "bad JSON: ") {
		switch fedmsg.CodeOf(err) {
		case fedmsg.CodeTooDeep, fedmsg.CodeDuplicateKey:
		default:
			t.Errorf("scan of %q: %v", in, err)
		}
	}
	if err == nil && scan(in, true) != nil {
		t.Errorf("scan of %q: strict accepts and lenient refuses", in)
	}
	return err == nil
}

func checkEnvelope(t testing.TB, in []byte) bool {
	t.Helper()
	d := &Decoder{Limits: fedmsg.DefaultLimits()}
	before := bytes.Clone(in)
	strict, strictErr := d.Envelope(in, Strict)
	old, oldErr := d.Envelope(in, Old)
	if !bytes.Equal(in, before) {
		t.Fatalf("decoding changed %q to %q", before, in)
	}
	if strictErr == nil {
		holdEnvelope(t, d, in, strict, Strict)
		if oldErr != nil {
			t.Errorf("%q: strict accepts, old says %v", in, oldErr)
		}
		if old.Topic != strict.Topic || oldErr == nil && string(old.Bytes) == string(strict.Bytes) && old.ID != strict.ID {
			t.Errorf("%q: strict and old differ: %+v, %+v", in, strict, old)
		}
	}
	if oldErr == nil {
		holdEnvelope(t, d, in, old, Old)
	}
	for _, err := range []error{strictErr, oldErr} {
		if err != nil && fedmsg.CodeOf(err) == fedmsg.CodeInternal {
			t.Errorf("%q: error without a code: %v", in, err)
		}
	}
	return strictErr == nil || oldErr == nil
}

// holdEnvelope holds what is true of every accepted envelope.
func holdEnvelope(t testing.TB, d *Decoder, in []byte, e Envelope, m Mode) {
	t.Helper()
	for _, c := range e.Bytes {
		if c < ' ' {
			t.Fatalf("envelope of %q has the byte %#x: %q", in, c, e.Bytes)
		}
	}
	if m == Strict && e.NotIJSON {
		t.Errorf("%q: strict accepts what is not I-JSON", in)
	}
	again, err := d.Envelope(e.Bytes, m)
	if err != nil || !reflect.DeepEqual(again, e) {
		t.Errorf("%q: decoding the envelope again gives %+v and %v, not %+v", in, again, err, e)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(e.Bytes, &all); err != nil {
		if !e.NotIJSON {
			t.Errorf("%q: encoding/json refuses the envelope: %v", in, err)
		}
		return
	}
	var topic, id string
	_ = json.Unmarshal(all["topic"], &topic)
	_ = json.Unmarshal(all["msg_id"], &id)
	if topic != e.Topic || id != e.ID && !(id == "" && strings.HasPrefix(e.ID, "sha256-")) {
		t.Errorf("%q: topic and id are %q and %q, by encoding/json %q and %q", in, e.Topic, e.ID, topic, id)
	}
	if string(all["msg"]) != string(e.Body) {
		t.Errorf("%q: body is %q, by encoding/json %q", in, e.Body, all["msg"])
	}
	for name, raw := range map[string][]byte{"signature": e.Signature, "certificate": e.Certificate, "crypto": e.Crypto} {
		if string(all[name]) != string(raw) && string(all[name]) != "null" {
			t.Errorf("%q: %s is %q, by encoding/json %q", in, name, raw, all[name])
		}
	}
}

func checkSubmitted(t testing.TB, in []byte) bool {
	t.Helper()
	d := &Decoder{Limits: fedmsg.DefaultLimits()}
	got, err := d.Submitted(in)
	if err != nil {
		if code := fedmsg.CodeOf(err); code == fedmsg.CodeInternal {
			t.Errorf("%q: error without a code: %v", in, err)
		}
		if !reflect.DeepEqual(got, Submitted{Whole: got.Whole}) {
			t.Errorf("%q: an error came with %+v", in, got)
		}
		return false
	}
	if isEntry(in) {
		holdEntryLine(t, d, in, got)
		return true
	}
	if got.Signatures != nil {
		holdSigned(t, in, got)
	}
	if got.Whole {
		holdEnvelope(t, d, in, got.Envelope, Strict)
		return true
	}
	s := got.Submission
	draft := Draft{Topic: s.Topic, ID: idForm, Username: s.Username, Headers: s.Headers, Body: s.Body, Time: 1, I: 1, N: 1, Stream: "s"}
	e, err := d.Envelope(AppendEnvelope(nil, &draft), Strict)
	if err != nil {
		t.Errorf("%q: the envelope made of it is refused: %v", in, err)
		return true
	}
	holdEnvelope(t, d, in, e, Strict)
	if e.Topic != s.Topic || e.Username != s.Username || !bytes.Equal(e.Body, s.Body) || !bytes.Equal(e.Headers, s.Headers) {
		t.Errorf("%q: submission %+v became %+v", in, s, e)
	}
	if compact := appendCompact(nil, s.Body); !bytes.Equal(compact, s.Body) {
		t.Errorf("%q: body %q is not compact", in, s.Body)
	}
	return true
}

// idForm has the form of a new id.
const idForm = "2026-feed0000-0000-4000-8000-000000000001"

func checkCanonical(t testing.TB, in []byte) bool {
	t.Helper()
	once, err := AppendCanonical(nil, in)
	if err != nil {
		if strictJSON(in) {
			t.Errorf("canonical form of %q: %v", in, err)
		}
		return false
	}
	for _, c := range once {
		if c < ' ' || c > 0x7e {
			t.Fatalf("canonical form of %q has the byte %#x: %q", in, c, once)
		}
	}
	twice, err := AppendCanonical(nil, once)
	if err != nil || !bytes.Equal(once, twice) {
		t.Errorf("canonical form of %q is %q, and its own is %q (%v)", in, once, twice, err)
	}
	if !SameContent(in, once, false) && in[0] == '{' && !bytes.Contains(in, []byte("sign")) {
		t.Errorf("%q has not the content of its canonical form", in)
	}
	var before, after any
	if strictJSON(in) && json.Unmarshal(in, &before) == nil {
		if err := json.Unmarshal(once, &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("canonical form %q of %q means something else (%v)", once, in, err)
		}
	}
	return true
}

func checkEntry(t testing.TB, in []byte) bool {
	t.Helper()
	var want fedmsg.Entry
	wantErr := want.UnmarshalJSON(bytes.Clone(in))
	got, err := DecodeEntry(bytes.Clone(in))
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%q: error %v, want %v", in, err, wantErr)
		return false
	}
	if err != nil {
		return false
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q: gave %+v, want %+v", in, got, want)
	}
	return true
}
