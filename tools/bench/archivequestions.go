package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/tools/bench/history"
)

// question is a class of what is asked of an archive. What exactly is asked for is drawn anew each time: half of the time as it is
// in the messages, so that what is busy is asked for often, and half of the time evenly among all that there is.
type question struct {
	name, title string
	p50, p99    time.Duration // what must be reached; 0 is nothing
	path        func(d *drawing) string
	exactly     int  // messages that each answer has; -1 is any number
	points      bool // the answer is numbers over time
}

// drawing draws what is asked for. It belongs to one goroutine.
type drawing struct {
	h    *history.History
	r    *rand.Rand
	rows int
}

func (d *drawing) subject() history.Subject { return d.h.Subject(d.r.IntN(d.rows)) }

func (d *drawing) even() bool { return d.r.IntN(2) == 0 }

func (d *drawing) topic() string {
	if d.even() {
		return history.Topic(d.r.IntN(history.Topics))
	}
	return d.subject().Topic
}

func (d *drawing) service() string {
	if d.even() {
		return history.Service(d.r.IntN(history.Services))
	}
	return d.subject().Service
}

func (d *drawing) user() string {
	if d.even() {
		return history.User(d.r.IntN(history.Users))
	}
	return d.subject().User
}

func (d *drawing) pkg() string {
	if d.even() {
		return history.Package(d.r.IntN(history.Packages))
	}
	return d.subject().Package
}

// pattern is a form that people use, of a topic that there is.
func (d *drawing) pattern() string {
	words := strings.Split(d.topic(), ".")
	switch d.r.IntN(4) {
	case 0:
		return strings.Join(words[:4], ".") + ".#"
	case 1:
		return "#." + words[len(words)-1]
	case 2:
		words[3] = "*"
		return strings.Join(words, ".")
	}
	return "org.fedoraproject.*." + strings.Join(words[3:], ".")
}

func (d *drawing) moment() time.Time {
	return d.h.At(d.r.IntN(d.rows))
}

// commonWord is one of the fifty commonest words; a rare one is none of the three thousand commonest.
func (d *drawing) commonWord() string { return d.h.Word(d.r.IntN(50)) }

func (d *drawing) rareWord() string { return d.h.Word(3000 + d.r.IntN(history.Words-3000)) }

// ask writes a question for a page of 25, the newest first.
func ask(pairs ...string) string {
	values := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return "/v1/messages?" + values.Encode()
}

// asked are the classes.
func asked() []question {
	const soon, late, both, words = 5 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond, 300 * time.Millisecond
	page := func(name, title string, path func(d *drawing) string) question {
		return question{name: name, title: title, p50: soon, p99: late, path: path, exactly: -1}
	}
	text := func(name, title string, path func(d *drawing) string) question {
		return question{name: name, title: title, p99: words, path: path, exactly: -1}
	}
	rarest := page("rarest", "the rarest topic (7 messages)", func(*drawing) string { return ask("topic", history.Rarest) })
	rarest.exactly = history.RarestRows
	id := page("id", "by id", func(d *drawing) string { return ask("id", d.subject().ID) })
	id.exactly = 1
	return []question{
		page("topic", "newest 25 by exact topic", func(d *drawing) string { return ask("topic", d.topic()) }),
		page("pattern", "newest 25 by pattern", func(d *drawing) string { return ask("topic", d.pattern()) }),
		page("category", "newest 25 by category", func(d *drawing) string { return ask("category", d.service()) }),
		page("user", "newest 25 by user", func(d *drawing) string { return ask("user", d.user()) }),
		page("package", "newest 25 by package", func(d *drawing) string { return ask("package", d.pkg()) }),
		rarest,
		page("hour", "25 of an hour", func(d *drawing) string {
			at := d.moment()
			return ask("since", stamp(at), "until", stamp(at.Add(time.Hour)))
		}),
		page("deep", "25 deep within a category", func(d *drawing) string {
			return ask("category", d.service(), "cursor", string(archive.CursorBehind(archive.KeyOf(d.moment()), true)))
		}),
		id,
		{name: "both", title: "newest 25 by user and package", p99: both, exactly: -1, path: func(d *drawing) string {
			if d.even() { // there is such a message
				s := d.subject()
				return ask("user", s.User, "package", s.Package)
			}
			return ask("user", d.user(), "package", d.pkg())
		}},
		text("common", "text, a common word", func(d *drawing) string { return ask("text", d.commonWord()) }),
		text("rare", "text, a rare word", func(d *drawing) string { return ask("text", d.rareWord()) }),
		text("commons", "text, two common words", func(d *drawing) string { return ask("text", d.commonWord()+" "+d.commonWord()) }),
		text("mixed", "text, a common and a rare word", func(d *drawing) string { return ask("text", d.commonWord()+" "+d.rareWord()) }),
		text("rares", "text, two rare words", func(d *drawing) string { return ask("text", d.rareWord()+" "+d.rareWord()) }),
		{name: "year", title: "a year by day and category", p99: 50 * time.Millisecond, exactly: -1, points: true, path: func(*drawing) string {
			return fmt.Sprintf("/v1/stats?by=category&bucket=day&since=%s&until=%s", "2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z")
		}},
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
