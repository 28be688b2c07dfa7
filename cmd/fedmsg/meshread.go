package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/filter"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/mesh"
)

// meshReader gives what publishers of the mesh say in the form in which a node gives it.
type meshReader struct {
	p       *program
	name    string // of the verb, before complaints
	options mesh.SubscribeOptions
	wanted  filter.Filter
	verify  fedmsg.VerifyMode
	store   *trust.Store // nil where no signature is looked at
	decoder wire.Decoder
	told    map[string]bool // complaints that were made
}

// newMeshReader makes the reader that the flags ask for.
func (p *program) newMeshReader(cmd *cobra.Command, cfg *config.Config, o *meshFlags, wanted filter.Filter) (*meshReader, error) {
	r := &meshReader{p: p, name: cmd.CommandPath(), wanted: wanted, decoder: wire.Decoder{Limits: cfg.Limits}, told: map[string]bool{}}
	if err := r.verify.UnmarshalText([]byte(o.verify)); err != nil {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--verify: %s", err)
	}
	if r.verify != fedmsg.VerifyInsecureOff {
		c, err := p.trustConfig(cmd, o.trust)
		if err != nil {
			return nil, err
		}
		if r.store, err = trust.Open(c); err != nil {
			return nil, err
		}
	}
	r.options = mesh.SubscribeOptions{Replay: true, Resolver: cfg.ZeroMQ.Resolver, Report: r.report}
	if len(wanted.Topics) == 0 {
		r.options.Prefixes = wanted.Prefixes
	}
	if o.curve != "" {
		var err error
		if r.options.ZMTP.Security, err = curveClient(o.curve); err != nil {
			return nil, err
		}
	}
	return r, meshSources(&r.options, o.sources)
}

// entries gives the messages one after the other. A *mesh.Gap stands for those that nobody could give.
func (r *meshReader) entries(ctx context.Context) iter.Seq2[fedmsg.Entry, error] {
	return func(yield func(fedmsg.Entry, error) bool) {
		for m, err := range mesh.Subscribe(ctx, r.options) {
			if _, isGap := errors.AsType[*mesh.Gap](err); err != nil && (isGap || ctx.Err() == nil) {
				if !yield(fedmsg.Entry{}, err) || !isGap {
					return
				}
				continue
			} else if err != nil {
				return
			}
			if e, ok := r.entry(&m, time.Now().UTC()); ok && !yield(e, nil) {
				return
			}
		}
	}
}

// entry makes an entry of a message, or passes it over: not wanted, none, or not to be believed. It has no position, because
// no log has it.
func (r *meshReader) entry(m *mesh.Message, now time.Time) (e fedmsg.Entry, ok bool) {
	if !r.wanted.Match(m.Topic) {
		return e, false
	}
	s, err := r.decoder.Published(m.Frames)
	if err != nil {
		r.passedOver(m.Service, err)
		return e, false
	}
	if !s.Whole { // the form of 2017 has no envelope
		sub := &s.Submission
		if sub.ID == "" {
			sub.ID = wire.NewID(now)
		}
		draft := wire.Draft{Topic: sub.Topic, ID: sub.ID, Username: sub.Username, Time: now.Unix(), Headers: sub.Headers, Body: sub.Body}
		if s.Envelope, err = r.decoder.Envelope(wire.AppendEnvelope(nil, &draft), wire.Old); err != nil {
			r.passedOver(m.Service, err)
			return e, false
		}
	}
	env := &s.Envelope
	record := fedmsg.Record{ID: env.ID, Topic: m.Topic, Envelope: env.Bytes, Signatures: s.Signatures, Verdict: fedmsg.VerdictUnchecked}
	if r.store != nil {
		err = r.store.Verify(&record, env, now)
		if err == nil && record.Verdict == fedmsg.VerdictUnsigned && r.verify == fedmsg.VerifyRequire {
			err = fedmsg.Errorf(fedmsg.CodeUnsigned, "nobody signed the message on %s; --verify if-signed shows such messages", m.Topic)
		}
	}
	if err != nil {
		r.passedOver(m.Service, err)
		return e, false
	}
	e = fedmsg.Entry{
		Received: now, ID: env.ID, Topic: m.Topic, Sender: fedmsg.Sender{Kind: fedmsg.SenderZeroMQ, Name: m.Service}.String(),
		Signer: record.Signer, Verdict: record.Verdict, Envelope: env.Bytes, Signatures: record.Signatures, NotIJSON: env.NotIJSON,
	}
	return e, r.wanted.MatchEntry(&e)
}

// maxTold bounds the complaints that are remembered, so that each is made once.
const maxTold = 1000

// passedOver says why messages of a service are not shown, once for each reason.
func (r *meshReader) passedOver(service string, err error) {
	code, why := fedmsg.Public(err)
	r.once(service+" "+string(code), fmt.Sprintf("a message of %s is passed over, and others like it: %s", service, why))
}

// report tells what happens to the connections, so far as a reader has to know it.
func (r *meshReader) report(e mesh.Event) {
	switch e.Kind {
	case mesh.EndpointUp, mesh.SourceRead, mesh.ReplayUp, mesh.EndpointGone:
		return
	case mesh.EndpointDown:
		if e.Err == nil {
			return
		}
	}
	key := string(e.Kind) + " " + e.Service + " " + e.Endpoint
	if e.Kind == mesh.SourceFault { // each line has to be mended
		key += fmt.Sprint(e.Err)
	}
	r.once(key, e.String())
}

func (r *meshReader) once(key, text string) {
	if r.told[key] {
		return
	}
	if len(r.told) >= maxTold {
		clear(r.told)
	}
	r.told[key] = true
	r.p.note("%s", r.name+": "+text)
}
