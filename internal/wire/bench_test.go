package wire

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// kilobyteBody is a body that makes an envelope of about 1 KB.
func kilobyteBody() []byte {
	body := []byte(`{"agent":"ralph","data":{`)
	for i := range 17 {
		body = fmt.Appendf(body, `"k%02d":"value-%02d-xxxxxxxxxxxxxxxxxxxx",`, i, i)
	}
	return append(body, `"last":null},"karma":-1,"ratio":0.25,"tags":["a","bb","ccc"],"urgent":true}`...)
}

func kilobyteEnvelope() []byte {
	return AppendEnvelope(nil, kilobyteDraft())
}

func kilobyteDraft() *Draft {
	return &Draft{
		Topic: "org.fedoraproject.prod.bodhi.update.comment", ID: "2026-feed0000-0000-4000-8000-00000000000c",
		Username: "bodhi", Time: 1700000000, I: 42, N: 42, Stream: "k3v5q2m7x4abcd", Body: kilobyteBody(),
	}
}

func kilobyteEntry() []byte {
	e := fedmsg.Entry{
		Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 1042}, Received: time.Unix(1700000000, 123456789).UTC(),
		ID: "2026-feed0000-0000-4000-8000-00000000000c", Topic: "org.fedoraproject.prod.bodhi.update.comment",
		Sender: "uid:1000", Envelope: kilobyteEnvelope(),
	}
	return e.AppendJSON(nil)
}

func BenchmarkSubmittedEnvelope(b *testing.B) {
	benchmarkSubmitted(b, kilobyteEnvelope())
}

func BenchmarkSubmittedSubmission(b *testing.B) {
	benchmarkSubmitted(b, []byte(`{"topic":"org.fedoraproject.prod.bodhi.update.comment","msg":`+string(kilobyteBody())+`}`))
}

func benchmarkSubmitted(b *testing.B, in []byte) {
	d := &Decoder{Limits: fedmsg.DefaultLimits()}
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := d.Submitted(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendCanonical(b *testing.B) { benchmarkCanonical(b, kilobyteEnvelope()) }

func BenchmarkAppendCanonicalUnsorted(b *testing.B) {
	var m struct {
		Username, Topic string
		Timestamp       int
		Msg             json.RawMessage
		ID              string `json:"msg_id"`
		I               int
	}
	m.Msg = kilobyteBody()
	in, err := json.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkCanonical(b, in)
}

func benchmarkCanonical(b *testing.B, in []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	out := make([]byte, 0, 4096)
	for b.Loop() {
		if _, err := AppendCanonical(out, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendEnvelope(b *testing.B) {
	d := kilobyteDraft()
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendEnvelope(out[:0], d)
	}
	b.SetBytes(int64(len(out)))
}

func BenchmarkNewID(b *testing.B) {
	now := time.Unix(1700000000, 0)
	b.ReportAllocs()
	for b.Loop() {
		NewID(now)
	}
}

func BenchmarkDecodeEntry(b *testing.B) {
	line := kilobyteEntry()
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := DecodeEntry(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalEntry(b *testing.B) {
	line := kilobyteEntry()
	b.ReportAllocs()
	for b.Loop() {
		var e fedmsg.Entry
		if err := e.UnmarshalJSON(line); err != nil {
			b.Fatal(err)
		}
	}
}
