package archivetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

func pattern(s string) fedmsg.Pattern {
	p, err := fedmsg.ParsePattern(s)
	if err != nil {
		panic(err) // the suite's own are patterns
	}
	return p
}

func everything() []fedmsg.Pattern { return []fedmsg.Pattern{fedmsg.MatchAll()} }

// maybe is true one time in n.
func (w *world) maybe(n int) bool { return w.IntN(n) == 0 }

// one or more of what is asked for.
func (w *world) few(names []string) []string {
	some := []string{w.pick(names)}
	for w.maybe(3) {
		some = append(some, w.pick(names))
	}
	return some
}

func (w *world) patterns() (some []fedmsg.Pattern) {
	all := []string{
		"org.example.prod.#", "#.done", "org.*.*.git.*.done", "org.example.*.bts.#", "#", "short", "nothing.at.all", "org.example.prod.wiki.thing1.done",
		"*.*.*.bodhi.thing2.#", "#.thing5.#", "org.example.prod.git.thing0.done", "org.example.dev.git.thing1.done", "org.example.VirtualTopic.#",
	}
	for _, s := range w.few(all) {
		some = append(some, pattern(s))
	}
	return some
}

func (w *world) prefixes() []string {
	return w.few([]string{"org", "org.example.prod.g", "short", "nothing", "org.example.dev.bts.thing", "org.example.VirtualTopic"})
}

// question makes one about rows: of few parts mostly, so that it has answers.
func (w *world) question(rows []fact) archive.Query {
	q := archive.Query{Oldest: w.maybe(2), Limit: 1 + w.IntN(1+w.IntN(60)), Filter: filter.Filter{Scope: everything()}}
	parts := w.parts(rows)
	for n := w.IntN(4) + w.IntN(2)*w.IntN(3); n > 0; n-- {
		parts[w.IntN(len(parts))](&q)
	}
	if w.maybe(5) {
		q.Filter.Scope = w.patterns()
	}
	if w.maybe(100) {
		q.Filter.Scope = nil
	}
	if q.Until.Before(q.Since) && !q.Until.IsZero() {
		q.Since, q.Until = q.Until, q.Since
	}
	return q
}

// parts are what a question can ask for, or against.
func (w *world) parts(rows []fact) []func(*archive.Query) {
	at := func() time.Time {
		return rows[w.IntN(len(rows))].Key.Time().Add(time.Duration(w.IntN(3)-1) * time.Microsecond)
	}
	return append(w.againsts(),
		func(q *archive.Query) { q.Filter.Topics = w.patterns() },
		func(q *archive.Query) { q.Filter.Topics = w.patterns() },
		func(q *archive.Query) { q.Filter.Prefixes = w.prefixes() },
		func(q *archive.Query) {
			q.Categories = w.few(append(services()[:5:5], "ci", "Unclassified", "nothing"))
		},
		func(q *archive.Query) { q.Users = w.few(append(users(), "nobody")) },
		func(q *archive.Query) { q.Users, q.Packages = w.few(users()), w.few(packages()) },
		func(q *archive.Query) { q.Users, q.Packages = users()[:9], packages()[:9] },
		func(q *archive.Query) { q.Packages = w.few(append(packages(), "nothing")) },
		func(q *archive.Query) {
			q.Filter.Senders = w.few([]string{"uid", "uid:1000", "token:ci", "token", "node", "token:ci:two", "source:x", "zeromq:a:b"})
		},
		func(q *archive.Query) {
			q.Filter.Signers = w.few([]string{"debian", "debian/ann", "fedora/a", "fedora", "nobody"})
		},
		func(q *archive.Query) { q.Severities = w.few([]string{"info", "error", "debug", "warning"}) },
		func(q *archive.Query) {
			q.Text = strings.Join(w.few(append(words(), "done", "org", "nothing", "DON", "naive")), " ")
		},
		func(q *archive.Query) { q.Filter.Where = w.where(rows) },
		func(q *archive.Query) { q.Filter.Where = w.where(rows) },
		func(q *archive.Query) { q.Filter.Where = w.where(rows) },
		func(q *archive.Query) { q.Since = at() },
		func(q *archive.Query) { q.Until = at() },
		func(q *archive.Query) { q.Since, q.Until = at(), at() },
		func(q *archive.Query) {
			q.IDs = []string{"nobody"}
			for range 1 + w.IntN(4) {
				q.IDs = append(q.IDs, rows[w.IntN(len(rows))].Entry.ID)
			}
		})
}

// againsts are what a question can ask not to have.
func (w *world) againsts() []func(*archive.Query) {
	return []func(*archive.Query){
		func(q *archive.Query) { q.Not.Filter.Topics = w.patterns() },
		func(q *archive.Query) { q.Not.Filter.Prefixes = w.prefixes() },
		func(q *archive.Query) { q.Not.Categories = w.few(services()[:5]) },
		func(q *archive.Query) { q.Not.Users = w.few(users()) },
		func(q *archive.Query) { q.Not.Packages = w.few(packages()) },
	}
}

// where makes an expression of conditions that a store can find by, and others.
func (w *world) where(rows []fact) *filter.Where {
	row := &rows[w.IntN(len(rows))]
	at := row.Entry.Received.Format(time.RFC3339Nano)
	conditions := []string{
		"msg.n > 3", "msg.n == 7", "msg.nested.ok", "not (msg.n < 8)", `sender == "uid:1000"`, `signer startsWith "deb"`, `topic endsWith ".done"`,
		fmt.Sprintf("topic == %q", row.Entry.Topic), fmt.Sprintf("id == %q", row.Entry.ID), fmt.Sprintf("topic startsWith %q", row.Entry.Topic[:4]),
		fmt.Sprintf("received >= date(%q)", at), fmt.Sprintf("received < date(%q)", at), fmt.Sprintf("received <= date(%q)", at), fmt.Sprintf("received == date(%q)", at), fmt.Sprintf("date(%q) < received", at),
		`"ann" in users`, `any(packages, # == "gdb" or # == "p5")`, `category == "bts"`, `category in ["git", "wiki"]`, `severity == "error"`, `text("fix")`, `text("the bug")`,
		`users[0] == "ralph" and packages[0] == "gdb"`, `sender startsWith "token:"`, `not text("the")`, `verdict == "ok"`, `topic in ["short", "org.example.prod.git"]`,
		`msg.title contains "fix"`, `any(msg.users, # == "ann")`, `"gdb" in msg.packages`, "null == msg.n",
	}
	text := conditions[w.IntN(len(conditions))]
	for w.maybe(2) {
		operator := []string{" and ", " or ", " and not "}[w.IntN(3)]
		text = "(" + text + ")" + operator + "(" + conditions[w.IntN(len(conditions))] + ")"
	}
	where, err := filter.ParseWhere(text)
	if err != nil {
		panic(text + ": " + err.Error()) // the suite's own are expressions
	}
	return where
}

// tell writes a question out.
func tell(q *archive.Query) string {
	where := q.Filter.Where.String()
	shown := *q
	shown.Filter.Where = nil
	return fmt.Sprintf("%+v where %s", shown, where)
}
