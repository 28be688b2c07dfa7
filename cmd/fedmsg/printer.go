package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// timeLayout is how times are shown to people, in their own zone.
const timeLayout = "2006-01-02 15:04:05"

// terseBody is how many bytes of a body one line has room for.
const terseBody = 200

// printer writes entries in one format. What it returns is valid until its next call.
type printer struct {
	format   func(p *printer, e *fedmsg.Entry)
	head     []byte // what stands before the first entry
	color    bool
	terminal bool // the output obeys control characters
	buf      []byte
}

// newPrinter makes the printer of a format.
func newPrinter(format string, color, terminal bool) (*printer, error) {
	how := map[string]func(*printer, *fedmsg.Entry){
		"pretty": (*printer).pretty, "terse": (*printer).terse, "json": (*printer).json, "raw": (*printer).raw, "csv": (*printer).csv,
	}
	f, ok := how[format]
	if !ok {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--format is %s, not %q", alternatives(formats()), format)
	}
	p := &printer{format: f, color: color, terminal: terminal}
	if format == "csv" {
		p.csvLine(csvHead())
		p.head = slices.Clone(p.buf)
	}
	return p, nil
}

// alternatives lists words of which one is taken.
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// formats are those that entries are printed in.
func formats() []string { return []string{"pretty", "terse", "json", "raw", "csv"} }

// entry gives the text of one entry, with its line end.
func (p *printer) entry(e *fedmsg.Entry) []byte {
	p.buf = p.buf[:0]
	p.format(p, e)
	return p.buf
}

// raw is the envelope, to the byte unless a terminal would obey it.
func (p *printer) raw(e *fedmsg.Entry) { p.exact(e.Envelope) }

// json is the entry.
func (p *printer) json(e *fedmsg.Entry) { p.exact(e.AppendJSON(nil)) }

func (p *printer) exact(b []byte) {
	if p.terminal {
		p.buf = ops.AppendPrintable(p.buf, string(b))
	} else {
		p.buf = append(p.buf, b...)
	}
	p.buf = append(p.buf, '\n')
}

// said is what an entry's envelope says.
type said struct {
	Username *string           `json:"username"`
	Headers  map[string]string `json:"headers"`
	Msg      json.RawMessage   `json:"msg"`
}

func parse(e *fedmsg.Entry) (s said) {
	if json.Unmarshal(e.Envelope, &s) != nil { // the old wire's NaN, or headers of another shape
		s.Msg = e.Envelope
	}
	return s
}

// terse is one line: time, topic, sender and the beginning of the body.
func (p *printer) terse(e *fedmsg.Entry) {
	body := string(parse(e).Msg)
	if len(body) > terseBody {
		body = body[:terseBody] + "…"
	}
	p.style(dim, e.Received.Local().Format(timeLayout))
	p.text(" ")
	p.style(bold, e.Topic)
	p.text(" ")
	p.style(green, who(e))
	p.text(" ")
	p.text(body)
	p.buf = append(p.buf, '\n')
}

// pretty is for reading: a line of what happened when, who said so, and the body, indented.
func (p *printer) pretty(e *fedmsg.Entry) {
	s := parse(e)
	p.style(bold, e.Topic)
	p.buf = append(p.buf, '\n')
	p.field("received", e.Received.Local().Format(timeLayout))
	if !e.Position.IsZero() { // else it is in no log
		p.field("position", e.Position.String())
	}
	p.field("id", e.ID)
	p.signer(e)
	sender := sender(e)
	if s.Username != nil && *s.Username != "" {
		sender += " (claims to be " + *s.Username + ")"
	}
	p.field("sender", sender)
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		p.field("header", name+": "+s.Headers[name])
	}
	p.body(s.Msg)
	p.buf = append(p.buf, '\n')
}

// who is the sender as the node knows it, and who signed. What the message claims does not count.
func who(e *fedmsg.Entry) string {
	signer, why := signerOf(e)
	switch {
	case signer == "":
		return sender(e) + ", " + why
	case why != "":
		return sender(e) + " signed by " + signer + ", " + why
	}
	return sender(e) + " signed by " + signer
}

// sender is who handed the message to the node.
func sender(e *fedmsg.Entry) string {
	if e.Sender == "" {
		return "unknown"
	}
	return e.Sender
}

// signer is the line of who signed, or that nobody did.
func (p *printer) signer(e *fedmsg.Entry) {
	signer, why := signerOf(e)
	switch {
	case signer == "":
		p.text("  ")
		p.style(dim, why)
		p.buf = append(p.buf, '\n')
	case why != "":
		p.field("signer", signer+" ("+why+")")
	default:
		p.field("signer", signer)
	}
}

// signerOf gives the signer that the node verified, and what the verification does not cover, or why there is none.
func signerOf(e *fedmsg.Entry) (signer, why string) {
	switch e.Verdict {
	case fedmsg.VerdictOK:
		return e.Signer, ""
	case fedmsg.VerdictTopicNotCovered:
		return e.Signer, "topic not covered"
	case fedmsg.VerdictUnsigned:
		return "", "not signed"
	case fedmsg.VerdictUnchecked, fedmsg.VerdictNone:
		return "", "not checked"
	}
	return "", string(e.Verdict) // of a later version
}

// body writes JSON with indentation. Each line is made harmless by itself, so that the line ends stay.
func (p *printer) body(body []byte) {
	var indented bytes.Buffer
	if json.Indent(&indented, body, "  ", "  ") != nil {
		indented.Reset()
		indented.Write(body)
	}
	p.text("  ")
	for line := range bytes.Lines(indented.Bytes()) {
		p.text(string(bytes.TrimSuffix(line, []byte{'\n'})))
		p.buf = append(p.buf, '\n')
	}
}

func (p *printer) field(name, value string) {
	p.text("  ")
	p.style(dim, name)
	p.text(" ")
	p.text(value)
	p.buf = append(p.buf, '\n')
}

// The styles of a terminal.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

// text appends text from anywhere, made harmless.
func (p *printer) text(s string) { p.buf = ops.AppendPrintable(p.buf, s) }

// style appends text from anywhere, made harmless, in a style where there is colour.
func (p *printer) style(style, s string) {
	if !p.color {
		p.text(s)
		return
	}
	p.buf = append(p.buf, style...)
	p.text(s)
	p.buf = append(p.buf, plain...)
}
