package dump

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// errNoMessage is of what stands between messages and is none.
var errNoMessage = errors.New("no message")

// line reads one line, without its end.
func (r *Reader) line() ([]byte, error) {
	var line []byte
	for {
		piece, err := r.in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > maxLine:
			return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "has more than %d bytes", maxLine)
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, broken(err)
		}
		return bytes.TrimSpace(line), nil
	}
}

// broken is of a file that cannot be read on.
func broken(err error) error {
	return fedmsg.WrapError(fedmsg.CodeDamaged, err, "the file cannot be read on; what came before is good")
}

// message reads an entry or an envelope.
func (r *Reader) message(data []byte) (fedmsg.Entry, error) {
	switch {
	case bytes.HasPrefix(data, []byte(`{"progress":`)), bytes.HasPrefix(data, []byte(`{"heartbeat":`)):
		return fedmsg.Entry{}, errNoMessage
	case bytes.HasPrefix(data, []byte(`{"error":`)):
		return fedmsg.Entry{}, fedmsg.Errorf(fedmsg.CodeDamaged, "the file is not whole: %s says that its export broke off", r.where())
	}
	if isEntry(data) {
		return r.entry(data)
	}
	return r.envelope(data)
}

// isEntry reports whether data is probably an entry as exports and streams have it.
func isEntry(data []byte) bool {
	return bytes.HasPrefix(data, []byte(`{"position":`)) ||
		bytes.Contains(data, []byte(`"received"`)) && bytes.Contains(data, []byte(`"envelope`)) && !wire.LooksWhole(data)
}

func (r *Reader) entry(data []byte) (fedmsg.Entry, error) {
	e, err := wire.DecodeEntry(data)
	switch {
	case err != nil:
		return e, err
	case e.Envelope == nil && bytes.Contains(data, []byte(`"redacted":true`)):
		return e, errNoMessage // there is nothing left of it to be read
	case e.Envelope == nil:
		return e, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "has no envelope")
	case e.ID == "" || e.Topic == "":
		return e, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "is an entry without id or topic")
	}
	return e, r.checkTime(e.Received)
}

func (r *Reader) envelope(data []byte) (e fedmsg.Entry, err error) {
	envelope, err := r.decoder.Envelope(data, wire.Old)
	if err != nil {
		return e, err
	}
	at, ok := envelope.Time()
	if !ok {
		return e, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "has no timestamp, so that it has no place in the history")
	}
	e = fedmsg.Entry{
		Received: at.UTC(), ID: envelope.ID, Topic: envelope.Topic, Verdict: fedmsg.VerdictUnchecked, Envelope: envelope.Bytes, NotIJSON: envelope.NotIJSON,
	}
	return e, r.checkTime(at)
}

// checkTime refuses a time at which nothing was received: the message would be the newest, or the oldest, for ever.
func (r *Reader) checkTime(t time.Time) error {
	if t.Unix() <= 0 || t.After(r.now.Add(ahead)) {
		return fedmsg.Errorf(fedmsg.CodeFromFuture, "is of %s, when no message was sent", t.UTC().Format(time.RFC3339))
	}
	return nil
}
