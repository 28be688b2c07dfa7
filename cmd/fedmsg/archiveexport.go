package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
)

func (p *program) archiveExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Save the messages of the archive, or some of them, in a file",
		Long: `Save the messages of the archive in a file, or those that the flags choose, as of fedmsg query. - is standard output. A file is
compressed where its name ends in .zst or .gz, and is there only when all of it is.

Formats: json (entries, one a line: all that the node knows of a message), raw (envelopes, one a line), datagrepper (one answer in the
form of the old archive's /raw). fedmsg archive import reads all of them.`,
		Example: `  fedmsg archive export all.jsonl.zst
  fedmsg archive export --until 2026-01-01 --since 2025-01-01 2025.jsonl.zst
  fedmsg archive export --format datagrepper --category bts - | jq .total`,
		Args: cobra.ExactArgs(1),
	}
	var format string
	o := queryFlags{clientFlags: nodeClientFlags(cmd.Flags())}
	o.register(cmd, "oldest")
	cmd.Flags().StringVar(&format, "format", "json", "json, raw or datagrepper")
	choices(cmd, "format", "json", "raw", "datagrepper")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		form, ok := exportForms()[format]
		if !ok {
			return fedmsg.Errorf(fedmsg.CodeUsage, "--format is json, raw or datagrepper, not %q", format)
		}
		if err := o.archive.check(cmd); err != nil {
			return err
		}
		if err := o.read(time.Now()); err != nil {
			return err
		}
		h, err := p.openHistory(cmd, &o)
		if err != nil {
			return err
		}
		defer h.Close()
		return interrupted(cmd.Context(), p.export(cmd.Context(), h, &o, form, args[0]))
	}
	return cmd
}

// export saves what is asked for.
func (p *program) export(ctx context.Context, h history, o *queryFlags, form exportForm, name string) error {
	out, err := p.createExport(name)
	if err != nil {
		return err
	}
	defer out.abandon()
	search := searchMeter{meter: p.newMeter()}
	q := o.QueryOptions
	q.Progress = search.show
	defer search.clear()
	saved, left, err := form.write(out, search.count(h.Query(ctx, q)))
	if err == nil {
		err = ctx.Err() // where the messages just ended
	}
	if err == nil {
		err = out.finish()
	}
	if err != nil {
		return err
	}
	search.clear()
	p.note("fedmsg archive export: saved %d %s", saved, plural(saved, "message", "messages"))
	if left > 0 {
		return fedmsg.Errorf(fedmsg.CodeBadJSON, "%d %s left out: redacted, or not JSON, as this format has to be; --format json has all", left, plural(left, "message was", "messages were"))
	}
	return nil
}

// exportForm is how messages stand in a file.
type exportForm struct {
	before, between string
	takes           func(e *fedmsg.Entry) bool // of others nothing can stand there
	message         func(b []byte, e *fedmsg.Entry) []byte
	after           func(n int) string // behind so many messages
}

func exportForms() map[string]exportForm {
	raw := func(b []byte, e *fedmsg.Entry) []byte { return append(b, e.Envelope...) }
	return map[string]exportForm{
		"json": {
			takes:   func(*fedmsg.Entry) bool { return true },
			message: func(b []byte, e *fedmsg.Entry) []byte { return append(e.AppendJSON(b), '\n') },
		},
		"raw": {
			takes:   func(e *fedmsg.Entry) bool { return e.Envelope != nil },
			message: func(b []byte, e *fedmsg.Entry) []byte { return append(raw(b, e), '\n') },
		},
		"datagrepper": {
			before: `{"raw_messages":[` + "\n", between: ",\n", message: raw,
			takes: func(e *fedmsg.Entry) bool { return e.Envelope != nil && (!e.NotIJSON || json.Valid(e.Envelope)) },
			after: func(n int) string { return fmt.Sprintf("\n],\"count\":%d,\"pages\":1,\"total\":%d}\n", n, n) },
		},
	}
}

// write writes the messages, and says how many, and how many it left out.
func (form *exportForm) write(out io.Writer, entries iter.Seq2[fedmsg.Entry, error]) (n, left int, err error) {
	b := []byte(form.before)
	for e, err := range entries {
		if err != nil {
			return n, left, err
		}
		if !form.takes(&e) {
			left++
			continue
		}
		if n++; n > 1 {
			b = append(b, form.between...)
		}
		if _, err := out.Write(form.message(b, &e)); err != nil {
			return n, left, err
		}
		b = b[:0]
	}
	if form.after != nil {
		b = append(b, form.after(n)...)
	}
	_, err = out.Write(b)
	return n, left, err
}
