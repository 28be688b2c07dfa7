package nats

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
)

// The codes of the JetStream API that say what is at fault.
const (
	faultResources   = 10023 // the server has no room
	faultMemory      = 10028
	faultStorage     = 10047
	faultAccount     = 10002 // the account has none
	faultStore       = 10077 // the stream has none, or could not write
	faultMessageSize = 10054 // the message is larger than the stream's max_msg_size
	faultHeaderSize  = 10097 // its headers have more than 64 KiB
)

// isFull reports whether there was no room for any message.
func (f *streamFault) isFull() bool {
	switch f.Code {
	case faultResources, faultMemory, faultStorage, faultAccount:
		return true
	case faultStore:
		return !strings.Contains(f.Description, "per subject")
	}
	return false
}

// isOfMessage reports whether the message will be refused again.
func (f *streamFault) isOfMessage() bool {
	return f.Code == faultMessageSize || f.Code == faultHeaderSize
}

// checkRoom fails for as long as a stream is full which had no room for an entry before: what is refused for that costs no entry
// an attempt, however long it lasts.
func (s *sink) checkRoom(ctx context.Context, js jetstream.JetStream) error {
	e := s.full.Load()
	if e == nil {
		return nil
	}
	name := s.stream
	var err error
	if name == "" {
		if name, err = js.StreamNameBySubject(ctx, e.subject); err != nil {
			return s.failed(err)
		}
	}
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return s.failed(err)
	}
	info := stream.CachedInfo()
	c, has := &info.Config, &info.State
	if c.Discard == jetstream.DiscardNew && (c.MaxMsgs > 0 && has.Msgs >= uint64(c.MaxMsgs) || c.MaxBytes > 0 && has.Bytes+e.size > uint64(c.MaxBytes)) {
		return fedmsg.Errorf(fedmsg.CodeStorageFull, "the stream %s of %s is full, with %d messages of %d bytes, and discards new ones; raise its limits, or remove some",
			name, s.address, has.Msgs, has.Bytes)
	}
	account, err := js.AccountInfo(ctx)
	if err != nil {
		return s.failed(err)
	}
	if most := account.Limits.MaxStore; c.Storage == jetstream.FileStorage && most > 0 && account.Store+e.size > uint64(most) {
		return fedmsg.Errorf(fedmsg.CodeStorageFull, "the account of %s has no more room: %d bytes of %d are used", s.address, account.Store, most)
	}
	s.full.Store(nil)
	return nil
}
