package zeromq

import (
	"errors"

	"github.com/federated-messaging/fedmsg"
)

// read gives what comes next from the subscriber's own cursor, up to a chunk of it. A gap is counted, told to the operator and
// passed: ZeroMQ has no words for it.
func (s *subscriber) read() (piece, error) {
	c, _ := s.of.buffers.Get().(*chunk)
	c.messages, c.marks = c.messages[:0], c.marks[:0]
	from := s.cursor.Position().Seq
	for range passedAtOnce {
		it, err := s.cursor.Next()
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			s.of.counts.gaps.Inc()
			s.of.calm.Warn("a subscriber misses what the log no longer has", "peer", s.conn.Peer().String(), "from", gap.From.String(), "to", gap.To.String(), "reason", string(gap.Reason))
			continue
		}
		if err != nil {
			if s.cursor.Position().Seq > from {
				break // the error comes again
			}
			s.of.buffers.Put(c)
			return piece{}, err
		}
		if s.of.chunks.wants(it.Entry) {
			s.of.chunks.add(c, it.Entry)
		}
		if len(c.messages) >= chunkBytes {
			break
		}
	}
	return piece{messages: c.messages, marks: c.marks, upTo: s.cursor.Position().Seq, own: c}, nil
}

// write writes what the subscriber wants of a piece.
func (s *subscriber) write(p *piece) error {
	b, n, own := s.choose(p)
	var err error
	if n > 0 {
		if err = s.conn.Write(b); err == nil {
			s.of.counts.sent.Add(float64(n))
			s.sent.Add(uint64(n))
		}
	}
	if err == nil {
		s.given.Store(p.upTo)
	}
	s.of.keep(own)
	s.of.keep(p.own)
	return err
}

// choose gives the messages that the subscriber wants and may have, one behind the other, and their number: a part of the piece
// where they stand together there, or else a copy in a chunk of its own.
func (s *subscriber) choose(p *piece) (b []byte, n int, own *chunk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted.Everything() && !s.of.curve {
		return p.all(), len(p.marks), nil
	}
	runFrom, runTo := 0, 0 // wanted ones that stand together and are not in b yet
	for i := range p.marks {
		if !s.takes(p.topic(&p.marks[i])) {
			continue
		}
		n++
		from, to := p.message(i)
		if from == runTo && runTo > 0 {
			runTo = to
			continue
		}
		if runTo > 0 {
			if own == nil {
				own, _ = s.of.buffers.Get().(*chunk)
				own.messages = own.messages[:0]
			}
			own.messages = append(own.messages, p.messages[runFrom:runTo]...)
		}
		runFrom, runTo = from, to
	}
	if own == nil {
		return p.messages[runFrom:runTo], n, nil
	}
	own.messages = append(own.messages, p.messages[runFrom:runTo]...)
	return own.messages, n, own
}

// takes reports whether the subscriber wants a topic and may have it. The caller has mu.
func (s *subscriber) takes(topic []byte) bool {
	return s.wanted.Match(topic) && (!s.of.curve || covers(s.scope, string(topic)))
}

// keep takes a buffer back, unless there is none or it has become big.
func (p *publisher) keep(c *chunk) {
	if c != nil && cap(c.messages) <= 2*chunkBytes {
		p.buffers.Put(c)
	}
}
