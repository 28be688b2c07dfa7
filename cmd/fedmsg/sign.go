package main

import (
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/pgp"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// signFlags are the flags of `fedmsg sign`.
type signFlags struct{ key, certificate, form string }

// signCommand is `fedmsg sign`.
func (p *program) signCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sign --key FILE [--certificate FILE] [--form dsse|x509|gpg] [FILE|-]…",
		Short: "Sign messages, and print them with their signatures, one on each line",
		Long: `Sign messages and print each on a line of its own. A message is an envelope that nobody signed, or what fedmsg publish takes
without --topic: {"topic", "msg", "id"?, "headers"?, "username"?}, of which the envelope is made, with a new id and the time.
Topics are whole; nothing is put before them. What is printed can be published as it is, and checked by fedmsg verify.

The forms are
  dsse  a DSSE document, with a signature over the envelope's exact bytes by an Ed25519, P-256 or RSA key in PEM; with
        --certificate, the certificate goes along, and receivers need its authority alone
  x509  the envelope with the signature of the old system in it, by an RSA key, with its certificate
  gpg   the same by an OpenPGP key, as gpg --export-secret-keys writes it; it covers the body alone, so use it only
        for old receivers that take nothing else

A file with a private key that others can read is refused. Without --key the newest key of the node in the state directory
is used, and named.`,
		Example: `  fedmsg sign --key bts.key messages.jsonl >signed.jsonl
  echo '{"topic": "org.example.dev.shop.order.new", "msg": {"order": 17}}' | fedmsg sign --key shop.key | fedmsg publish
  fedmsg sign --key shop.key --certificate shop.crt --form x509 messages.jsonl
  fedmsg sign --key shop.key messages.jsonl | fedmsg verify --trust trust.toml`,
	}
	f := cmd.Flags()
	var o signFlags
	f.StringVar(&o.key, "key", "", "file of the private key")
	f.StringVar(&o.certificate, "certificate", "", "PEM file of a certificate of the key")
	f.StringVar(&o.form, "form", "dsse", "dsse, x509 or gpg")
	choices(cmd, "form", "dsse", "x509", "gpg")
	stateFlags(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.sign(cmd, &o, args) }
	return cmd
}

// sign runs the verb.
func (p *program) sign(cmd *cobra.Command, o *signFlags, args []string) error {
	put, err := p.signature(cmd, o)
	if err != nil {
		return err
	}
	w := signing{p: p, name: cmd.CommandPath(), put: put, user: p.username(), decoder: wire.Decoder{Limits: fedmsg.DefaultLimits()}}
	if err := p.eachInput(cmd.Context(), args, w.batch); err != nil {
		return err
	}
	if w.worst != nil {
		return &exitError{status: fedmsg.CodeOf(w.worst).ExitStatus()}
	}
	return nil
}

// signature makes what signs an envelope and gives the line to print.
func (p *program) signature(cmd *cobra.Command, o *signFlags) (func(envelope []byte) ([]byte, error), error) {
	switch o.form {
	case "dsse":
		return p.detached(cmd, o)
	case "x509":
		if o.key == "" || o.certificate == "" {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--form x509 needs --key and --certificate")
		}
		e, err := sign.OpenEmbedder(o.key, o.certificate)
		if err != nil {
			return nil, err
		}
		return e.Embed, nil
	case "gpg":
		if o.key == "" || o.certificate != "" {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--form gpg needs --key, and has no certificate")
		}
		k, err := pgp.ReadPrivate(o.key)
		if err != nil {
			return nil, err
		}
		return func(envelope []byte) ([]byte, error) { return sign.EmbedPGP(envelope, k, time.Now()) }, nil
	}
	return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--form is dsse, x509 or gpg, not %q", o.form)
}

// detached makes what signs in the form dsse.
func (p *program) detached(cmd *cobra.Command, o *signFlags) (func([]byte) ([]byte, error), error) {
	path := o.key
	if path == "" {
		var err error
		if path, err = p.ownKey(cmd); err != nil {
			return nil, err
		}
	}
	k, err := keys.ReadPrivate(path)
	if err != nil {
		return nil, err
	}
	var certificate []byte
	if o.certificate != "" {
		c, err := keys.ReadCertificate(o.certificate, k.Public())
		if err != nil {
			return nil, err
		}
		certificate = c.Raw
	}
	return func(envelope []byte) ([]byte, error) {
		signatures, err := sign.Detached(envelope, k, certificate)
		if err != nil {
			return nil, err
		}
		return wire.AppendDSSE(nil, wire.EnvelopeType, envelope, signatures), nil
	}, nil
}

// username is who the user claims to be.
func (p *program) username() string {
	for _, key := range []string{"LOGNAME", "USER"} {
		if name := p.getenv(key); name != "" {
			return name
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// signing signs what comes and prints it in order. It belongs to one goroutine.
type signing struct {
	p       *program
	name    string // of the verb, before complaints
	user    string // as whom messages say they are published
	put     func(envelope []byte) ([]byte, error)
	decoder wire.Decoder
	made    uint64 // envelopes
	worst   error
}

// batch signs documents. One that cannot be signed does no harm to the next.
func (s *signing) batch(docs []document) error {
	var out []byte
	for i := range docs {
		line, err := s.document(&docs[i])
		if err != nil {
			s.p.note("%s: %s: %s", s.name, docs[i].at, err)
			s.worst = worse(s.worst, err)
			continue
		}
		out = append(append(out, line...), '\n')
	}
	_, err := s.p.stdout.Write(out)
	return err
}

// document signs one message.
func (s *signing) document(doc *document) ([]byte, error) {
	if doc.err != nil {
		return nil, doc.err
	}
	in, err := s.decoder.Submitted(doc.text)
	if err != nil {
		return nil, err
	}
	if !in.Whole {
		return s.put(s.envelope(&in.Submission))
	}
	e := &in.Envelope
	if len(in.Signatures) > 0 || !e.Bare() {
		return nil, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the message is signed already; what its publisher signed stays as it is")
	}
	return s.put(e.Bytes)
}

// envelope makes the envelope of a submission.
func (s *signing) envelope(in *wire.Submission) []byte {
	now := time.Now()
	s.made++
	d := wire.Draft{
		Topic: in.Topic, ID: in.ID, Username: in.Username, Time: now.Unix(), I: s.made, Headers: in.Headers, Body: in.Body,
	}
	if d.ID == "" {
		d.ID = wire.NewID(now)
	}
	if d.Username == "" {
		d.Username = s.user
	}
	return wire.AppendEnvelope(nil, &d)
}
