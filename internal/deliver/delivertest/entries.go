package delivertest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// topic is that of the suite's entries.
const topic = "org.example.dev.conformance."

// bodies are what is easily changed on the way: order of keys, forms of numbers, escapes, spaces, signs that some encoders escape.
func bodies() []string {
	return []string{
		`{"n":%d}`, `{"z":1.0,"a":1e5,"m":-0.0,"n":%d,"big":12345678901234567890}`, `{"text":"\u00e9 é \ud83d\ude00 \/ \"q\" \\","n":%d}`,
		`{"html":"<a href='x'>&amp;</a>","n":%d, "space" : [ 1, 2 ]}`, `{"zero":"a\u0000b","line":"a\nb\r\n","n":%d}`, `{"":{"":[null,true,[],{}]},"n":%d}`,
	}
}

// headers are free labels of some of the entries.
func headers() []string {
	return []string{``, `{"fedora_messaging_severity":"20","x-Upper Case":"ä:\n\\c"}`, ``, `{}`}
}

// maker makes the entries of one test.
type maker struct {
	features *Features
	d        *Destination
	made     int
}

// entries makes n of them on a topic that ends with word.
func (m *maker) entries(n int, word string) []*fedmsg.Entry {
	list := make([]*fedmsg.Entry, n)
	for i := range list {
		all := bodies()
		list[i] = m.entry(word, fmt.Sprintf(all[m.made%len(all)], m.made), headers()[m.made%len(headers())])
		m.made++
	}
	return list
}

// large makes one whose body is as large as the features allow.
func (m *maker) large(word string) *fedmsg.Entry {
	most := m.features.MaxBody
	if most == 0 {
		most = 200 << 10
	}
	return m.entry(word, `{"large":"`+strings.Repeat("lorem ", (most-20)/6)+`"}`, "")
}

func (m *maker) entry(word, body, headers string) *fedmsg.Entry {
	now := time.Now().UTC()
	e := &fedmsg.Entry{
		Received: now, ID: wire.NewID(now), Topic: topic + word, Sender: "uid:1000", Verdict: fedmsg.VerdictUnsigned, Made: true,
	}
	if m.d.Topic != nil {
		e.Topic = m.d.Topic(e.Topic)
	}
	if m.d.Envelope != nil {
		e.Envelope = m.d.Envelope(e.Topic, e.ID, now, []byte(body))
	} else {
		d := wire.Draft{Topic: e.Topic, ID: e.ID, Username: "jörg", Time: now.Unix(), I: 1, N: uint64(m.made + 1), Stream: "k3v5q2m7", Body: []byte(body)}
		if headers != "" {
			d.Headers = []byte(headers)
		}
		e.Envelope = wire.AppendEnvelope(nil, &d)
	}
	if !m.features.Unsigned {
		e.Signatures = signature()
	}
	return e
}

// signature makes what has the form of a detached signature.
func signature() []byte {
	var sig [64]byte
	_, _ = rand.Read(sig[:])
	return fmt.Appendf(nil, `[{"keyid":"conformance","sig":"%s"}]`, base64.StdEncoding.EncodeToString(sig[:]))
}
