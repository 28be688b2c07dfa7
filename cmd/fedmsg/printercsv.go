package main

import (
	"encoding/csv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// csvHead names the columns of entries.
func csvHead() []string {
	return []string{"received", "position", "id", "topic", "category", "sender", "signer", "verdict", "users", "packages", "username", "msg"}
}

// csv is a line of values, separated by commas as RFC 4180 has it. Users and packages are separated by spaces.
func (p *printer) csv(e *fedmsg.Entry) {
	s, about := parse(e), facts.Of(e)
	username := ""
	if s.Username != nil {
		username = *s.Username
	}
	position := ""
	if !e.Position.IsZero() {
		position = e.Position.String()
	}
	p.csvLine([]string{
		e.Received.UTC().Format(time.RFC3339Nano), position, e.ID, e.Topic, about.Category, e.Sender, e.Signer, string(e.Verdict),
		strings.Join(about.Users, " "), strings.Join(about.Packages, " "), username, string(s.Msg),
	})
}

func (p *printer) csvLine(cells []string) {
	for i, c := range cells {
		cells[i] = csvCell(c, p.terminal)
	}
	w := csv.NewWriter((*appender)(&p.buf))
	_ = w.Write(cells) // memory takes everything
	w.Flush()
}

// appender is a slice to write to.
type appender []byte

func (a *appender) Write(b []byte) (int, error) {
	*a = append(*a, b...)
	return len(b), nil
}

// csvCell makes text from anywhere harmless in a cell: a spreadsheet would take one that begins so for a formula, and a terminal obeys
// control characters.
func csvCell(text string, terminal bool) string {
	if text != "" && strings.IndexByte("=+-@\t\r", text[0]) >= 0 {
		text = "'" + text
	}
	if terminal {
		return ops.Printable(text)
	}
	return text
}
