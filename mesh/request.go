package mesh

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/zmtp"
)

const (
	// answerTimeout bounds one request, connecting included. Old servers answer with one message of many frames.
	answerTimeout = 10 * time.Second
	// maxAnswer bounds one answer, in bytes.
	maxAnswer = 64 << 20
)

// job is a question to whom it goes.
type job struct {
	question
	service string
	uri     string
	options zmtp.Options
}

// answer is what came of a job.
type answer struct {
	question
	asked []arrival
	err   error
}

// requester asks replay servers, one question at a time. It keeps the connection between questions and gives it up after an
// error, so that a late answer is never taken for that of another question. It belongs to one goroutine.
type requester struct {
	seed maphash.Seed
	conn *zmtp.Conn
	uri  string // of conn
}

// run asks what comes until ctx ends.
func (r *requester) run(ctx context.Context, jobs <-chan job, answers chan<- answer) {
	defer r.hangUp()
	for {
		var j job
		select {
		case j = <-jobs:
		case <-ctx.Done():
			return
		}
		asked, err := r.ask(ctx, j)
		select {
		case answers <- answer{j.question, asked, err}:
		case <-ctx.Done():
			return
		}
	}
}

// hangUp gives the connection up.
func (r *requester) hangUp() {
	if r.conn != nil {
		r.conn.Close() //nolint:errcheck // it is given up
		r.conn = nil
	}
}

// ask asks one question. An error that is no [replay.Error] says that there is no answer.
func (r *requester) ask(ctx context.Context, j job) ([]arrival, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if r.uri != j.uri {
		r.hangUp()
		r.uri = j.uri
	}
	kept := r.conn != nil
	frames, err := r.exchange(ctx, &j)
	if err != nil && kept && ctx.Err() == nil { // the server was started again since
		frames, err = r.exchange(ctx, &j)
	}
	if err != nil {
		return nil, err
	}
	envelopes, err := replay.Answer(frames)
	if errors.Is(err, replay.ErrNotAnswer) {
		return nil, errors.New("what answers is no replay server: " + err.Error())
	}
	if err != nil {
		return nil, err
	}
	asked := make([]arrival, 0, len(envelopes))
	for _, envelope := range envelopes {
		if a, ok := replayed(envelope, &j, r.seed); ok {
			asked = append(asked, a)
		}
	}
	return asked, nil
}

// exchange sends the request and waits for the frames of the answer.
func (r *requester) exchange(ctx context.Context, j *job) (frames zmtp.Message, err error) {
	defer func() {
		if err != nil {
			r.hangUp()
		}
	}()
	if r.conn == nil {
		o := j.options
		o.MaxMessage, o.MaxFrames = maxAnswer, replay.MaxIDs*2
		if r.conn, err = zmtp.Dial(ctx, j.uri, zmtp.REQ, o); err != nil {
			return nil, err
		}
	}
	conn := r.conn
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.Write(zmtp.AppendMessage(nil, nil, replay.AppendQuery(nil, &j.query))); err != nil {
		return nil, err
	}
	for {
		got, err := conn.Receive(nil)
		if err != nil {
			return nil, err
		}
		if m := got[0].Message; len(m) > 1 && len(m[0]) == 0 {
			return m[1:], nil
		}
	}
}

// replayed makes a message of an envelope that was asked for, in the frames in which the publisher would have sent it. It may
// stand in DSSE, with the signatures that go in a frame of their own.
func replayed(envelope []byte, j *job, seed maphash.Seed) (arrival, bool) {
	said := tell(envelope)
	frames := zmtp.Message{nil, envelope}
	if said.seq == 0 && said.topic == nil {
		d, err := wire.DecodeDSSE(envelope, maxAnswer)
		if err != nil || d.Type != wire.EnvelopeType {
			return arrival{}, false
		}
		said = tell(d.Payload)
		frames = zmtp.Message{nil, []byte(fedmsg2), d.Payload, d.Signatures}
	}
	topic := said.topicText()
	frames[0] = []byte(topic)
	a := arrival{Message: Message{Service: j.service, Endpoint: j.uri, Topic: topic, Frames: frames, SeqID: said.seq, Replayed: true}}
	a.mark, a.size = markOf(seed, said.id), len(envelope)
	return a, said.seq > 0
}
