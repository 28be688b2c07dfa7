package archivetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// world makes entries that have few names of everything, so that they are found together, and in all mixtures.
type world struct {
	*rand.Rand
	now time.Time // of the entry before
	n   int       // entries so far
}

const ourLog = fedmsg.LogID("aaaaaaaaaaaa")

func newWorld(seed uint64) *world {
	return &world{Rand: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2025, 12, 30, 20, 0, 0, 0, time.UTC)}
}

// pick takes one of the names, the first of them the most often.
func (w *world) pick(names []string) string {
	return names[min(w.IntN(len(names)), w.IntN(len(names)))]
}

// some takes up to most of the names.
func (w *world) some(names []string, most int) (some []string) {
	for range w.IntN(most + 1) {
		some = append(some, w.pick(names))
	}
	return some
}

func services() []string { return []string{"git", "bodhi", "bts", "wiki", "Ünicode", ""} }

func topics() []string {
	all := []string{"short", "org.example.VirtualTopic.ci.done", "org.example.prod.git"}
	for i, service := range services() {
		for j := range 8 - i {
			all = append(all, fmt.Sprintf("org.example.%s.%s.thing%d.done", []string{"prod", "dev"}[j%2], service, j))
		}
	}
	return all
}

func users() []string {
	return []string{"ralph", "ann", "bob", "carol@example.org", "dave", "eve", "jürgen", "u7", "u8", "u9", "u10", "u11"}
}

func packages() []string {
	return []string{"gdb", "bash", "libc6", "python3.12", "gtk+", "p5", "p6", "p7", "p8", "p9", "p10", "p11"}
}

func senders() []string {
	return []string{"uid:1000", "uid:1001", "token:ci", "token:ci:two", "node", "", "zeromq:a:b:c"}
}

func signers() []string {
	return []string{"", "debian/ann", "debian/bob", "debian", "fedora/a/b", "fedora/a"}
}

func words() []string {
	return []string{"the", "fix", "Bug", "crash", "leak", "naïve", "straße", "日本語", "x86_64", "1.2.3-4", "don't", "ﬁle", "ZEBRA", "zürich", "rare1", "rare2"}
}

// entry makes the next one. Times are equal now and then, and lie far apart now and then.
func (w *world) entry() fedmsg.Entry {
	w.n++
	switch w.IntN(10) {
	case 0, 1, 2: // no later
	case 3:
		w.now = w.now.Add(time.Duration(w.IntN(3000)))
	case 4:
		w.now = w.now.Add(time.Duration(w.IntN(int(9 * time.Hour))))
	default:
		w.now = w.now.Add(time.Duration(w.IntN(int(20 * time.Minute))))
	}
	id := fmt.Sprintf("2026-%06d", w.n)
	e := fedmsg.Entry{
		ID: id, Topic: w.pick(topics()), Received: w.now, Sender: w.pick(senders()), Signer: w.pick(signers()),
		Position: fedmsg.Position{Log: ourLog, Seq: uint64(w.n)}, Verdict: fedmsg.VerdictUnsigned, Envelope: w.envelope(id),
	}
	if w.IntN(4) == 0 {
		e.Signatures = json.RawMessage(fmt.Sprintf(`[{"sig":"%d"}]`, w.Int()))
		e.Verdict = fedmsg.VerdictOK
	}
	if w.IntN(8) == 0 {
		e.Origin = fedmsg.Position{Log: "bbbbbbbbbbbb", Seq: uint64(w.n) * 3}
	}
	if w.IntN(20) == 0 {
		e.Envelope = []byte(`{"i":NaN,"msg":{"user":"ralph","text":"` + w.pick(words()) + ` not strict"}}`)
		e.NotIJSON = true
	}
	return e
}

// envelope makes one that names users and packages, is more or less severe and has some words.
func (w *world) envelope(id string) []byte {
	headers := map[string]any{}
	if level := w.IntN(8) * 10; level > 0 && level <= 40 {
		headers["fedora_messaging_severity"] = level
	}
	named, of := w.some(users(), 3), w.some(packages(), 3)
	if w.IntN(25) == 0 {
		named, of = users(), packages() // more pairs than are indexed
	}
	body := map[string]any{
		"users": named, "packages": of, "title": strings.Join(w.some(words(), 6), " "), "n": w.IntN(10),
		"nested": map[string]any{"list": w.some(words(), 2), "ok": w.IntN(2) == 0},
	}
	if w.IntN(30) == 0 {
		body["long"] = strings.Repeat("lorem ipsum dolor ", 4000)
	}
	text, err := json.Marshal(map[string]any{"msg_id": id, "headers": headers, "msg": body})
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return text
}

// entries makes n of them.
func (w *world) entries(n int) []fedmsg.Entry {
	all := make([]fedmsg.Entry, n)
	for i := range all {
		all[i] = w.entry()
	}
	return all
}
