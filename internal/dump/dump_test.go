package dump

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// read gives the messages of a file, and what is wrong with others and with the file.
func read(t *testing.T, file []byte) (all []fedmsg.Entry, faults []string, err error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), fedmsg.DefaultLimits())
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if fault, ok := errors.AsType[*Fault](err); ok {
			faults = append(faults, fault.Error())
			continue
		}
		if err == io.EOF {
			return all, faults, nil
		}
		if err != nil {
			return all, faults, err
		}
		all = append(all, e)
	}
}

const one, two = `{"topic":"org.example.dev.a.b", "msg": {"x":1},"timestamp":1500000000,"msg_id":"2017-one"}`,
	`{"i":1,"timestamp":1500000001.5,"topic":"org.example.dev.a.c","msg":{"x":[NaN]},"msg_id":"2017-two"}`

// TestEnvelopes reads envelopes of one line each: their bytes stay, and they were received when they were made.
func TestEnvelopes(t *testing.T) {
	all, faults, err := read(t, []byte(one+"\n\n"+two+"\r\n{\"no\":1}\n"+one))
	if err != nil || len(all) != 3 || len(faults) != 1 || !strings.HasPrefix(faults[0], "line 4: ") {
		t.Fatal(len(all), faults, err)
	}
	e := all[1]
	if string(all[0].Envelope) != one || string(e.Envelope) != two || !e.NotIJSON || e.ID != "2017-two" || e.Topic != "org.example.dev.a.c" ||
		!e.Received.Equal(time.Unix(1500000001, 5e8)) || e.Verdict != fedmsg.VerdictUnchecked || !e.Position.IsZero() {
		t.Errorf("%+v", e)
	}
}

// TestEntries reads entries as exports have them, and all of them stays.
func TestEntries(t *testing.T) {
	want := fedmsg.Entry{
		Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 7}, Received: time.Unix(1600000000, 5).UTC(), ID: "x", Topic: "a.b", Sender: "uid:1",
		Signer: "debian/ci", Verdict: fedmsg.VerdictOK, Envelope: []byte(one), Signatures: json.RawMessage(`[{"keyid":"k"}]`),
	}
	odd := want
	odd.NotIJSON, odd.Envelope, odd.Position = true, []byte(two), fedmsg.Position{}
	gone := want
	gone.Envelope, gone.Signatures = nil, nil
	var file []byte
	for _, e := range []fedmsg.Entry{want, odd, gone} {
		file = append(append(file, `{"progress":{"next":"n1"}}`...), '\n')
		file = append(e.AppendJSON(file), '\n')
	}
	all, faults, err := read(t, file)
	if err != nil || len(all) != 2 || len(faults) != 1 || !strings.Contains(faults[0], "line 6: has no envelope") {
		t.Fatal(len(all), faults, err)
	}
	for i, e := range []fedmsg.Entry{want, odd} {
		if got := string(all[i].AppendJSON(nil)); got != string(e.AppendJSON(nil)) {
			t.Errorf("got %s", got)
		}
	}
}

// TestBrokenOff: a file whose export broke off, or that was cut, is not taken for a whole one.
func TestBrokenOff(t *testing.T) {
	for file, want := range map[string]string{
		one + "\n" + `{"error":{"code":"unavailable","message":"x"}}` + "\n": "line 2 says that its export broke off",
		`{"raw_messages":[` + one + `,{"to`:                                  "message 2: the file cannot be read on",
		`{"raw_messages":[` + one:                                            "message 2: the file cannot be read on",
		"[\n" + one + ",\n":                                                  "message 2: the file cannot be read on",
		`[` + one + `] {"count":0}`:                                          "without raw_messages",
		`[` + one + `] 5`:                                                    "neither lines of messages nor",
		string(compressed(t, one)[:20]):                                      "cannot be read on",
	} {
		_, _, err := read(t, []byte(file))
		if fedmsg.CodeOf(err) != fedmsg.CodeDamaged || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
}

func compressed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestForms reads the same two messages in every form.
func TestForms(t *testing.T) {
	strict := strings.Replace(two, "NaN", "2", 1)
	lines := one + "\n" + strict + "\n"
	answer := `{"arguments":{"a":[1,{}]},"count":2,"raw_messages":[` + one + "," + strict + `],"total":2}`
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	io.WriteString(w, lines)
	w.Close()
	forms := map[string]string{
		"lines": lines, "answer": answer, "answers": `{"raw_messages":[` + one + `]}` + "\n" + `{"raw_messages":[` + strict + `]}` + "\n{\"raw_messages\":[]}",
		"array": "[" + one + ",\n" + strict + "]", "zstd": string(compressed(t, lines)), "gzip": zipped.String(), "answer of zstd": string(compressed(t, answer)),
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(answer), "", "  "); err != nil {
		t.Fatal(err)
	}
	forms["indented"] = indented.String()
	for name, file := range forms {
		all, faults, err := read(t, []byte(file))
		if err != nil || len(faults) > 0 || len(all) != 2 || all[0].ID != "2017-one" || all[1].ID != "2017-two" {
			t.Errorf("%s: %d messages, %v, %v", name, len(all), faults, err)
			continue
		}
		if name != "indented" && (string(all[0].Envelope) != one || string(all[1].Envelope) != strict) {
			t.Errorf("%s: %s", name, all[0].Envelope)
		}
		if bytes.ContainsFunc(all[0].Envelope, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%s: the envelope is not one line", name)
		}
	}
}

// TestTimes: what was never sent then is refused, since it would be the newest message for ever.
func TestTimes(t *testing.T) {
	for _, at := range []string{"0", "-5", "1500000000000", "9e15", `"2017"`} {
		_, faults, err := read(t, []byte(strings.Replace(one, "1500000000", at, 1)))
		if err != nil || len(faults) != 1 {
			t.Errorf("%s: %v %v", at, faults, err)
		}
	}
}

// TestSample reads an answer of the old archive in production.
func TestSample(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(fedmsgtest.Shared(t, "corpus"), "datagrepper-raw-sample.json"))
	if err != nil {
		t.Fatal(err)
	}
	all, faults, err := read(t, file)
	if err != nil || len(faults) > 0 || len(all) != 15 {
		t.Errorf("%d messages, %v, %v", len(all), faults, err)
	}
}

// TestLongLines: a line is bounded, and a message of the largest size is not over it.
func TestLongLines(t *testing.T) {
	large := fmt.Sprintf(`{"topic":"a.b","msg":{"x":"%s"},"timestamp":1500000000,"msg_id":"l"}`, strings.Repeat("x", 1<<20-100))
	if all, faults, err := read(t, []byte(large+"\n"+one)); err != nil || len(faults) > 0 || len(all) != 2 {
		t.Errorf("%d, %.200v, %v", len(all), faults, err)
	}
	if _, _, err := read(t, bytes.Repeat([]byte("{"), maxLine+10)); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge {
		t.Errorf("%.200v", err)
	}
}
