package main

import (
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// verifyFlags are the flags of `fedmsg verify`.
type verifyFlags struct {
	trust     string
	now, then bool
	format    string
}

// verifyCommand is `fedmsg verify`.
func (p *program) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [--trust FILE] [FILE|-]…",
		Short: "Say who signed messages, and whether they may say what they say; exit status 65 if any is bad",
		Long: `Verify the signatures of messages, one line of output for each: "ok SIGNER" or "bad CODE SIGNER REASON", where the signer
is - as long as nobody is known. A line of the input is an envelope, an entry as streams, tail --format json and the node's
API give it, a DSSE document of an envelope or of a node's receipt, or an array of such. What the old archive answers,
with raw_messages, is read too, and what it had added to messages is undone.

What is trusted is what the node of this machine trusts, by its configuration: [[trust]], [policy], trust_file and its own
keys in the state directory. --trust names a file with [[trust]] and [policy] to use instead of all that.

Messages are judged as of then: an entry by what was valid and not revoked when its node received it, anything else by the
time that it claims itself, which the line says. --now judges by what holds now. The OpenPGP form covers the body alone, and
its lines say "topic not covered".`,
		Example: `  fedmsg verify messages.jsonl
  fedmsg tail --since 1h --format json | fedmsg verify
  fedmsg verify --trust trust.toml --now <messages.jsonl
  curl -s 'https://archive.example.org/raw?delta=3600' | fedmsg verify --trust trust.toml
  fedmsg verify --format json messages.jsonl | jq -r 'select(.ok | not) | .id'`,
	}
	f := cmd.Flags()
	var o verifyFlags
	f.StringVar(&o.trust, "trust", "", "trust file to use instead of the configuration")
	f.BoolVar(&o.then, "then", false, "judge by what held when the message was received or, as it claims, made (default)")
	f.BoolVar(&o.now, "now", false, "judge by what holds now")
	f.StringVar(&o.format, "format", "text", "text or json")
	choices(cmd, "format", "text", "json")
	stateFlags(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.verify(cmd, &o, args) }
	return cmd
}

// verify runs the verb.
func (p *program) verify(cmd *cobra.Command, o *verifyFlags, args []string) error {
	if o.now && o.then {
		return fedmsg.Errorf(fedmsg.CodeUsage, "give either --now or --then, not both")
	}
	if err := checkFormat(o.format, "text"); err != nil {
		return err
	}
	store, err := p.openTrust(cmd, o.trust)
	if err != nil {
		return err
	}
	v := verifier{p: p, json: o.format == "json", judge: judge{
		store: store, decoder: wideDecoder(), now: time.Now().UTC(), asOfNow: o.now,
	}}
	if err := p.eachInput(cmd.Context(), args, v.batch); err != nil {
		return err
	}
	if v.count == 0 {
		p.note("%s: there was nothing to verify", cmd.CommandPath())
	}
	if v.bad > 0 {
		return &exitError{status: fedmsg.CodeBadSignature.ExitStatus()}
	}
	return nil
}

// wideDecoder takes whatever another node may have taken, whose limits are not known here.
func wideDecoder() wire.Decoder {
	limits := fedmsg.DefaultLimits()
	limits.Envelope, limits.Body, limits.Depth = maxInput, maxInput, 1000
	return wire.Decoder{Limits: limits}
}

// verifier judges what comes and prints it in order.
type verifier struct {
	p          *program
	judge      judge
	json       bool
	count, bad int
	buf        []byte
}

// batch judges documents on all cores and prints what came out.
func (v *verifier) batch(docs []document) error {
	found := make([]verdict, len(docs))
	var wg sync.WaitGroup
	workers := min(len(docs), runtime.GOMAXPROCS(0))
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(docs); i += workers {
				found[i] = v.judge.document(&docs[i])
			}
		})
	}
	wg.Wait()
	v.buf = v.buf[:0]
	for i := range found {
		v.count++
		if found[i].err != nil {
			v.bad++
		}
		if v.json {
			v.buf = found[i].appendJSON(v.buf)
		} else {
			v.buf = append(v.buf, ops.Printable(found[i].String())...)
		}
		v.buf = append(v.buf, '\n')
	}
	_, err := v.p.stdout.Write(v.buf)
	return err
}
