package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/archiver"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// view is one picture of a node. What the node does not tell is absent, with a note.
type view struct {
	Time    time.Time              `json:"time"`
	Seconds float64                `json:"seconds"` // what the rates are over
	Rate    float64                `json:"rate"`    // messages a second, of all topics
	Log     *client.LogInfo        `json:"log,omitempty"`
	Topics  []topicCount           `json:"topics"`
	Readers []httpapi.StreamStatus `json:"readers,omitempty"`
	Sinks   []deliver.Status       `json:"sinks,omitempty"`
	Sources []receive.Status       `json:"sources,omitempty"`
	Archive *archiver.Status       `json:"archive,omitempty"`
	Gaps    uint64                 `json:"gaps"` // holes in what was counted, since the start
	Notes   []string               `json:"notes,omitempty"`

	hidden []string // what the node does not tell to this user, or here
}

// observe asks the node how it is.
func (p *program) observe(ctx context.Context, c *client.Client, timeout time.Duration) *view {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	v := &view{Time: time.Now().UTC()}
	var streams struct {
		Streams []httpapi.StreamStatus `json:"streams"`
	}
	var sinks struct {
		Sinks []deliver.Status `json:"sinks"`
	}
	var sources struct {
		Sources []receive.Status `json:"sources"`
	}
	var info client.LogInfo
	var archive archiver.Status
	if v.ask(ctx, c, "log", "/v1/log", &info) {
		v.Log = &info
	}
	v.ask(ctx, c, "readers", "/v1/streams", &streams)
	v.ask(ctx, c, "sinks", "/v1/sinks", &sinks)
	v.ask(ctx, c, "sources", "/v1/sources", &sources)
	if v.ask(ctx, c, "archive", "/v1/archive", &archive) {
		v.Archive = &archive
	}
	v.Readers, v.Sinks, v.Sources = streams.Streams, sinks.Sinks, sources.Sources
	if len(v.hidden) > 0 {
		v.Notes = append(v.Notes, "not shown: "+strings.Join(v.hidden, ", ")+"; a node tells of them on its unix socket alone, and of readers to root and its own user")
	}
	return v
}

// ask asks for one part. What the node does not tell to this user, or does not have, is noted.
func (v *view) ask(ctx context.Context, c *client.Client, what, path string, into any) bool {
	b, err := c.Request(ctx, "GET", path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	switch {
	case err == nil:
		return true
	case isRefused(err):
		v.hidden = append(v.hidden, what)
	case fedmsg.CodeOf(err) != fedmsg.CodeNotFound: // which is that it has none
		v.Notes = append(v.Notes, what+" not known: "+sentence(err))
	}
	return false
}

// count puts in what came within a time.
func (v *view) count(c counted, over time.Duration) {
	v.Seconds, v.Gaps, v.Topics = over.Seconds(), c.gaps, c.topics
	for i := range v.Topics {
		t := &v.Topics[i]
		t.Rate = float64(t.now) / over.Seconds()
		v.Rate += t.Rate
	}
	if c.lost != "" {
		v.Notes = append(v.Notes, "the connection is lost, and tried again: "+c.lost)
	}
}

// json writes the picture as one line.
func (v *view) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// text writes it for people, with so many topics and readers. Text from messages and other sides passes ops.Printable.
func (v *view) text(rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %.1f messages/s on %d topics", v.Time.Format("15:04:05"), v.Rate, len(v.Topics))
	if v.Log != nil {
		fmt.Fprintf(&b, "  log %s at %d, %s", v.Log.ID, v.Log.Last, ops.ByteSize(v.Log.Bytes))
	}
	if v.Archive != nil {
		fmt.Fprintf(&b, "  archive %d behind", v.Archive.Lag)
	}
	if v.Gaps > 0 {
		fmt.Fprintf(&b, "  %d GAPS", v.Gaps)
	}
	b.WriteString("\n\n")
	v.topics(&b, rows)
	v.readers(&b, rows)
	v.delivery(&b)
	for _, note := range v.Notes {
		fmt.Fprintln(&b, ops.Printable(note))
	}
	return b.String()
}

// table writes rows of cells under a heading, and an empty line; nothing where there are none.
func table(b *strings.Builder, heading string, n int, row func(i int) string) {
	if n == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, heading)
	for i := range n {
		fmt.Fprintln(w, row(i))
	}
	_ = w.Flush() // into memory
	b.WriteByte('\n')
}

func (v *view) topics(b *strings.Builder, rows int) {
	table(b, "RATE/S\tTOTAL\tLAST\tTOPIC", min(len(v.Topics), rows), func(i int) string {
		t := &v.Topics[i]
		return fmt.Sprintf("%.1f\t%d\t%s\t%s", t.Rate, t.Total, t.Last.UTC().Format("15:04:05"), ops.Printable(t.Topic))
	})
	if more := len(v.Topics) - rows; more > 0 {
		fmt.Fprintf(b, "and %d topics more; see --rows\n\n", more)
	}
}

func (v *view) readers(b *strings.Builder, rows int) {
	table(b, "READER\tFROM\tLAG\tGIVEN\tSINCE\tTOPICS", min(len(v.Readers), rows), func(i int) string {
		r := &v.Readers[i]
		reader, from, topics := r.Reader, r.Address, strings.Join(r.Topics, " ")
		if reader == "" {
			reader = "-"
		}
		if from == "" {
			from = "socket"
		}
		if r.Protocol != "http" && r.Protocol != "" { // which earlier nodes do not tell
			from = ops.Printable(r.Protocol) + " " + from
		}
		if topics == "" {
			topics = "all"
		}
		return fmt.Sprintf("%s\t%s\t%d\t%d\t%s\t%s", ops.Printable(reader), from, r.Lag, r.Messages, r.Since.Format("2006-01-02 15:04"), ops.Printable(topics))
	})
	if more := len(v.Readers) - rows; more > 0 {
		fmt.Fprintf(b, "and %d readers more; see --rows\n\n", more)
	}
}

func (v *view) delivery(b *strings.Builder) {
	table(b, "SINK\tSTATE\tLAG\tAGE\tDELIVERED\tDEAD\tTO", len(v.Sinks), func(i int) string {
		s := &v.Sinks[i]
		return fmt.Sprintf("%s\t%s\t%d\t%s\t%d\t%d\t%s", s.Name, s.State, s.Lag, age(s.LagTime), s.Delivered, s.Dead, ops.Printable(s.To))
	})
	table(b, "SOURCE\tSTATE\tRECEIVED\tREFUSED\tDEAD\tFROM", len(v.Sources), func(i int) string {
		s := &v.Sources[i]
		return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%s", s.Name, sourceState(s), s.Received, s.Refused, s.Dead, ops.Printable(s.From))
	})
}
