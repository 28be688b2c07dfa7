// Package history makes up the messages of two years of a bus, for measuring an archive.
//
// It promises that the same number of messages gives the same ones everywhere, each told by its number alone; and that they are in
// shape what a real bus brings: 3,000 topics of 60 services, 2,000 users and 20,000 packages, of which few are in most messages
// (Zipf); 30,000 words, the commonest of them English; bodies nested as those of builds, updates, commits, bugs, mails and tests,
// of 300 bytes to 6 KB; an id that is a UUID, and a detached signature, which no compression makes smaller. They arrive as those
// of a real week did, hour by hour (times.go), a week after the other. One topic has seven messages in all the time.
//
// It reads no files: that the archive is measured must not depend on what else is on the machine.
package history

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"

	"github.com/federated-messaging/fedmsg"
)

// What there is of each. RarestRows messages have the topic Rarest.
const (
	Topics     = 3000
	Services   = 60
	Users      = 2000
	Packages   = 20_000
	Words      = 30_000
	Rarest     = "org.fedoraproject.prod.releng.rebuild.mass"
	RarestRows = 7
)

// Log is the log that the messages stand in.
const Log fedmsg.LogID = "bench2345abc"

// History makes messages. It belongs to one goroutine.
type History struct {
	rows   int
	source *rand.PCG
	r      *rand.Rand // of source, which is seeded anew for each message

	topics, users, packages, words *rand.Zipf
	vocabulary                     []string // Words of them, the commonest first
}

// New makes a history of so many messages, at least 7,000.
func New(rows int) *History {
	source := rand.NewPCG(1, 0)
	r := rand.New(source)
	return &History{
		rows: rows, source: source, r: r,
		topics: rand.NewZipf(r, 1.1, 4, Topics-1), users: rand.NewZipf(r, 1.1, 4, Users-1),
		packages: rand.NewZipf(r, 1.05, 8, Packages-1), words: rand.NewZipf(r, 1.2, 3, Words-1),
		vocabulary: vocabulary(),
	}
}

// Subject is what a message is about.
type Subject struct {
	Topic, Service, User, Package, ID string
}

// subject begins a message: what is drawn for it follows from its number alone.
func (h *History) subject(i int) Subject {
	h.source.Seed(1, uint64(i))
	topic := int(h.topics.Uint64())
	s := Subject{Topic: Topic(topic), Service: Service(topic % Services), User: User(int(h.users.Uint64())), Package: Package(int(h.packages.Uint64()))}
	a, b := h.r.Uint64(), h.r.Uint64()
	s.ID = fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", uint32(a), uint16(a>>32), a>>52, b>>52, b<<16>>16)
	if spread := h.rows / RarestRows; i%spread == spread/2 && i/spread < RarestRows {
		s.Topic, s.Service = Rarest, "releng"
	}
	return s
}

// Subject tells what message i is about, 0 to rows-1.
func (h *History) Subject(i int) Subject { return h.subject(i) }

// Entry makes message i, 0 to rows-1, as it stands in a log.
func (h *History) Entry(i int) fedmsg.Entry {
	s, at := h.subject(i), h.At(i)
	e := fedmsg.Entry{
		Position: fedmsg.Position{Log: Log, Seq: uint64(i) + 1}, Received: at, ID: s.ID, Topic: s.Topic,
		Sender: "uid:" + fmt.Sprint(1000+number(s.Service)), Signer: "main/" + s.Service, Verdict: fedmsg.VerdictOK,
	}
	b := make([]byte, 0, 2048)
	b = fmt.Appendf(b, `{"headers":{"fedora_messaging_severity":%d,"sent-at":"%s"},"i":%d,"msg":`, severity(h.r.IntN(100)), at.Format("2006-01-02T15:04:05Z"), i%90_000)
	b = h.body(b, s, at)
	e.Envelope = fmt.Appendf(b, `,"msg_id":"%s","timestamp":%d,"topic":"%s","username":"%s"}`, s.ID, at.Unix(), s.Topic, "apache")
	var sig [64]byte
	for i := range sig {
		sig[i] = byte(h.r.Uint32())
	}
	e.Signatures = fmt.Appendf(nil, `[{"keyid":"%s-2025","sig":"%s"}]`, s.Service, base64.StdEncoding.EncodeToString(sig[:]))
	return e
}

// severity gives that of a message, as fedora-messaging writes it: mostly info.
func severity(percent int) int {
	switch {
	case percent < 80:
		return 20
	case percent < 95:
		return 10
	case percent < 99:
		return 30
	}
	return 40
}

// number is a small number that stands for a text.
func number(text string) (n int) {
	for _, c := range []byte(text) {
		n = (31*n + int(c)) % 40
	}
	return n
}
