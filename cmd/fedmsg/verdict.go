package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// verdict is what was found of one document.
type verdict struct {
	place     string // in the input
	signer    string // with an error so far as known
	topic, id string
	verdict   fedmsg.Verdict
	receipt   *wire.Receipt // what the document is a receipt of
	at        time.Time     // as of which it was judged; zero where it was not
	claimed   bool          // nobody but the message itself says so
	undated   bool          // not even the message does, so it was judged by what holds now
	err       error
}

// String is the line of a verdict for people.
func (v *verdict) String() string {
	signer := v.signer
	if signer == "" {
		signer = "-"
	}
	if v.err != nil {
		code, _ := fedmsg.Public(v.err)
		return fmt.Sprintf("bad %s %s %s: %s", code, signer, v.place, sentence(v.err))
	}
	text := "ok " + signer
	if v.receipt != nil {
		text += fmt.Sprintf(" receipt of %d in %s", v.receipt.Seq, v.receipt.Log)
	}
	var notes []string
	if v.verdict == fedmsg.VerdictTopicNotCovered {
		notes = append(notes, "topic not covered")
	}
	if v.claimed {
		notes = append(notes, "as claimed at "+v.at.Format(time.RFC3339))
	}
	if v.undated {
		notes = append(notes, "as of now, it has no timestamp")
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text
}

// appendJSON appends the verdict for programs.
func (v *verdict) appendJSON(b []byte) []byte {
	member := func(name, value string) {
		b = append(b, `,"`+name+`":`...)
		b = fedmsg.AppendJSONString(b, value)
	}
	b = fmt.Appendf(b, `{"ok":%t`, v.err == nil)
	code, reason := fedmsg.Code(""), ""
	if v.err != nil {
		code, _ = fedmsg.Public(v.err)
		reason = sentence(v.err)
	}
	member("code", string(code))
	member("signer", v.signer)
	member("reason", reason)
	member("verdict", string(v.verdict))
	member("topic", v.topic)
	member("id", v.id)
	at := ""
	if !v.at.IsZero() {
		at = v.at.Format(time.RFC3339Nano)
	}
	member("at", at)
	b = fmt.Appendf(b, `,"as_claimed":%t`, v.claimed)
	member("place", v.place)
	if v.receipt != nil {
		b = append(b, `,"receipt":{"log":`...)
		b = fedmsg.AppendJSONString(b, v.receipt.Log)
		b = fmt.Appendf(b, `,"seq":%d`, v.receipt.Seq)
		member("role", v.receipt.Role)
		b = append(b, '}')
	}
	return append(b, '}')
}
