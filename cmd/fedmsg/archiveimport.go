package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/dump"
)

const (
	// importPiece and importBytes bound the messages that go into the archive at once, in bytes of envelopes.
	importPiece = 500
	importBytes = 1 << 20
	// mostFaults bounds the messages at fault that are told of one by one.
	mostFaults = 20
)

func (p *program) archiveImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Put saved messages into the archive",
		Long: `Put saved messages into the archive, each at the time when it was received. - is standard input. A message whose id the archive
knows is passed over, so that a command that was interrupted can be given again.

A file has entries (as fedmsg archive export, fedmsg query and fedmsg tail --format json write them) or envelopes, one a line, or it is
an answer of the old archive (datagrepper's /raw). It may be compressed by zstd or gzip. Envelopes keep their bytes. Signatures are not
verified: an entry says what was verified when it was saved, an envelope that nothing was. Of an envelope the time is its own timestamp.

What the node has redacted stays out. With --archive that is known for a file in a node's state directory; from any other archive the
node erases such messages when it starts.`,
		Example: `  fedmsg archive import 2017.jsonl.zst 2018.jsonl.zst
  curl -s 'https://apps.example.org/datagrepper/raw?start=1504643021&delta=60' | fedmsg archive import -
  fedmsg archive import --archive /var/lib/fedmsg/archive.sqlite history.jsonl`,
		Args: cobra.MinimumNArgs(1),
	}
	o := nodeClientFlags(cmd.Flags())
	var a archiveFlags
	a.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		k, err := p.openKeeper(cmd, o, &a)
		if err != nil {
			return err
		}
		defer k.Close()
		i := importing{program: p, verb: cmd.CommandPath(), into: k, meter: p.newMeter()}
		for _, file := range files {
			if err = i.file(cmd.Context(), file); err != nil {
				break
			}
		}
		return interrupted(cmd.Context(), i.sum(err))
	}
	return cmd
}

// importing is an import under way.
type importing struct {
	*program
	verb   string
	into   keeper
	meter  *meter
	done   imported
	faults int
	batch  []fedmsg.Entry
	bytes  int // of the batch
}

// file imports one file.
func (i *importing) file(ctx context.Context, name string) error {
	in := i.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the messages")
		}
		defer f.Close()
		in = f
	}
	r, err := dump.NewReader(in, fedmsg.DefaultLimits())
	if err != nil {
		return inFile(name, err)
	}
	defer r.Close()
	for ctx.Err() == nil {
		e, err := r.Next()
		if fault, ok := errors.AsType[*dump.Fault](err); ok {
			i.fault(name, fault)
			continue
		}
		if err != nil {
			if flushed := i.flush(ctx); flushed != nil || err == io.EOF {
				return flushed
			}
			return inFile(name, err)
		}
		i.batch = append(i.batch, e)
		if i.bytes += len(e.Envelope) + len(e.Signatures); len(i.batch) == importPiece || i.bytes >= importBytes {
			if err := i.flush(ctx); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// inFile says in which file something is wrong.
func inFile(name string, err error) error {
	code, text := fedmsg.Public(err)
	return fedmsg.WrapError(code, errors.Unwrap(err), "%s: %s", name, text)
}

// fault tells of a message that cannot be imported.
func (i *importing) fault(name string, f *dump.Fault) {
	i.meter.clear()
	if i.faults++; i.faults <= mostFaults {
		i.note("%s: %s: %s", i.verb, name, f)
	}
	if i.faults == mostFaults {
		i.note("%s: further messages at fault are only counted", i.verb)
	}
}

// flush puts what was gathered into the archive.
func (i *importing) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	last := i.batch[len(i.batch)-1].Received
	done, err := i.into.put(ctx, i.batch)
	if err != nil {
		return err
	}
	i.done.Stored += done.Stored
	i.done.Known += done.Known
	i.done.Redacted += done.Redacted
	i.meter.show("imported %d messages, %d were known; now at %s", i.done.Stored, i.done.Known, last.Local().Format(timeLayout))
	i.batch, i.bytes = i.batch[:0], 0
	return nil
}

// sum says what was done, and gives the error that ends the command.
func (i *importing) sum(err error) error {
	i.meter.clear()
	fmt.Fprintf(i.stdout, "imported %d %s; %d more %s known\n", i.done.Stored, plural(i.done.Stored, "message", "messages"),
		i.done.Known, plural(i.done.Known, "was", "were"))
	if n := i.done.Redacted; n > 0 {
		fmt.Fprintf(i.stdout, "%d %s redacted here and stayed out\n", n, plural(n, "was", "were"))
	}
	if err == nil && i.faults > 0 {
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "%d %s at fault and not in the archive", i.faults, plural(i.faults, "message is", "messages are"))
	}
	return err
}
