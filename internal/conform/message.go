// Package conform is what the conformance suites of sinks and of sources share: messages that are easily changed on the way, what is
// held of those that arrived, and goroutines that must end.
//
// It promises nothing about sinks and sources, and is for tests only.
package conform

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Message is one message as either side has it.
type Message struct {
	ID         string
	Topic      string
	Envelope   []byte // the exact bytes
	Signatures []byte // detached: a JSON array, or empty
}

// Topic is what the topics of the suites' messages begin with.
const Topic = "org.example.dev.conformance."

// bodies are what is easily changed on the way: order of keys, forms of numbers, escapes, spaces, signs that some encoders escape.
func bodies() []string {
	return []string{
		`{"n":%d}`, `{"z":1.0,"a":1e5,"m":-0.0,"n":%d,"big":12345678901234567890}`, `{"text":"\u00e9 é \ud83d\ude00 \/ \"q\" \\","n":%d}`,
		`{"html":"<a href='x'>&amp;</a>","n":%d, "space" : [ 1, 2 ]}`, `{"zero":"a\u0000b","line":"a\nb\r\n","n":%d}`, `{"":{"":[null,true,[],{}]},"n":%d}`,
	}
}

// headers are free labels of some of the messages.
func headers() []string {
	return []string{``, `{"fedora_messaging_severity":"20","x-Upper Case":"ä:\n\\c"}`, ``, `{}`}
}

// Maker makes the messages of one test. Its fields are as those of the targets of the suites.
type Maker struct {
	Rename   func(topic string) string // nil leaves topics as they are
	Envelope func(topic, id string, at time.Time, body []byte) []byte
	Unsigned bool
	MaxBody  int

	made int
}

// Messages makes n of them on a topic that ends with word.
func (m *Maker) Messages(n int, word string) []Message {
	list := make([]Message, n)
	for i := range list {
		all := bodies()
		list[i] = m.message(word, fmt.Sprintf(all[m.made%len(all)], m.made), headers()[m.made%len(headers())])
		m.made++
	}
	return list
}

// Large makes one whose body is as large as it may be.
func (m *Maker) Large(word string) Message {
	most := m.MaxBody
	if most == 0 {
		most = 200 << 10
	}
	return m.message(word, `{"large":"`+strings.Repeat("lorem ", (most-20)/6)+`"}`, "")
}

func (m *Maker) message(word, body, headers string) Message {
	now := time.Now().UTC()
	made := Message{ID: wire.NewID(now), Topic: Topic + word}
	if m.Rename != nil {
		made.Topic = m.Rename(made.Topic)
	}
	if m.Envelope != nil {
		made.Envelope = m.Envelope(made.Topic, made.ID, now, []byte(body))
	} else {
		d := wire.Draft{Topic: made.Topic, ID: made.ID, Username: "jörg", Time: now.Unix(), I: 1, N: uint64(m.made + 1), Stream: "k3v5q2m7", Body: []byte(body)}
		if headers != "" {
			d.Headers = []byte(headers)
		}
		made.Envelope = wire.AppendEnvelope(nil, &d)
	}
	if !m.Unsigned {
		made.Signatures = signature()
	}
	return made
}

// signature makes what has the form of a detached signature.
func signature() []byte {
	var sig [64]byte
	_, _ = rand.Read(sig[:]) // never fails
	return fmt.Appendf(nil, `[{"keyid":"conformance","sig":"%s"}]`, base64.StdEncoding.EncodeToString(sig[:]))
}
