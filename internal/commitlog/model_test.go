package commitlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// model knows what a log was given and what it promised, and says where the log does not keep it.
type model struct {
	mu        sync.Mutex
	submitted map[string]fedmsg.Record  // by id; a log may hold any of them, once
	acked     map[string]fedmsg.Receipt // the first receipt of each id
	onAck     func(fedmsg.Receipt)      // called with each first receipt; may be nil
	committed map[uint64]string         // ids that readers were shown, by number
}

func newModel() *model {
	return &model{submitted: make(map[string]fedmsg.Record), acked: make(map[string]fedmsg.Receipt), committed: make(map[uint64]string)}
}

// commit is the Committed function of the logs under the model.
func (m *model) commit(es []fedmsg.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range es {
		m.committed[e.Position.Seq] = e.ID
	}
}

// submit submits the records and notes what comes of it. It fails where the log contradicts itself, or with what the log
// says where it takes nothing.
func (m *model) submit(l *Log, rs ...fedmsg.Record) error {
	m.mu.Lock()
	for _, r := range rs {
		if _, ok := m.submitted[r.ID]; !ok {
			m.submitted[r.ID] = r
		}
	}
	m.mu.Unlock()
	ticket, err := l.Submit(context.Background(), rs...)
	if err != nil {
		return err
	}
	out, err := ticket.Wait(context.Background())
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var failed error
	for i, o := range out {
		if o.Err != nil {
			failed = o.Err
			continue
		}
		first, ok := m.acked[rs[i].ID]
		switch {
		case !ok, !o.Receipt.Duplicate && first.Seq < l.Info().First: // retention has removed it, so it is new
			o.Receipt.Duplicate = false // it may be one of a process that died before it answered
			m.acked[rs[i].ID] = o.Receipt
			if m.onAck != nil {
				m.onAck(o.Receipt)
			}
		case !o.Receipt.Duplicate || first.Position != o.Receipt.Position || !first.Received.Equal(o.Receipt.Received):
			return fmt.Errorf("id %s: got receipt %+v, the first one was %+v", rs[i].ID, o.Receipt, first)
		}
	}
	return failed
}

// verify opens the log as it is found after a crash and says where it does not keep what was promised. It ends with a
// closed log that passes Check.
func (m *model) verify(fsys durable.FS, dir string, o Options) error {
	o.FS, o.Committed = fsys, m.commit
	l, err := Open(dir, o)
	if err != nil {
		return fmt.Errorf("open after the crash: %w", err)
	}
	err = m.verifyOpen(l)
	if e := l.Close(); err == nil && e != nil {
		err = e
	}
	if err != nil {
		return err
	}
	sum, err := check(fsys, dir, func(f Finding) { err = errors.Join(err, errors.New(f.Text)) })
	if err == nil && sum.Last != l.Info().Last {
		err = fmt.Errorf("check counts up to %d, the log ended at %d", sum.Last, l.Info().Last)
	}
	return err
}

func (m *model) verifyOpen(l *Log) error {
	if err := m.verifyEntries(l); err != nil {
		return err
	}
	// Publishers who got no answer, and those who lost it, publish again.
	m.mu.Lock()
	var rs []fedmsg.Record
	for _, r := range m.submitted {
		rs = append(rs, r)
	}
	m.mu.Unlock()
	for _, r := range rs {
		if receipt, ok := m.acked[r.ID]; ok && receipt.Seq < l.Info().First {
			continue // retention has removed it: it would be new
		}
		if err := m.submit(l, r); err != nil {
			return fmt.Errorf("publishing %s again: %w", r.ID, err)
		}
	}
	return m.verifyEntries(l)
}

// verifyEntries reads the log from its beginning.
func (m *model) verifyEntries(l *Log) error {
	first, ids := l.Info().First, make(map[string]uint64)
	r := l.Reader(first - 1)
	defer r.Close() //nolint:errcheck // nothing was written
	next, received := first, int64(0)
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading entry %d: %w", next, err)
		}
		rec, ok := m.submitted[e.ID]
		if !ok || string(rec.Envelope) != string(e.Envelope) || rec.Topic != e.Topic {
			return fmt.Errorf("entry %d was never submitted like this: %s", e.Position.Seq, e.ID)
		}
		if e.Position.Seq != next || e.Received.UnixNano() < received {
			return fmt.Errorf("entry %d, received %v, follows %d", e.Position.Seq, e.Received, next-1)
		}
		if seq, ok := ids[e.ID]; ok {
			return fmt.Errorf("id %s is stored twice, at %d and %d", e.ID, seq, next)
		}
		ids[e.ID] = next
		next, received = next+1, e.Received.UnixNano()
	}
	for seq, id := range m.committed {
		if seq >= first && ids[id] != seq {
			return fmt.Errorf("entry %d, %s, was shown to readers and is lost", seq, id)
		}
	}
	for id, receipt := range m.acked {
		if receipt.Seq >= first && ids[id] != receipt.Seq {
			return fmt.Errorf("entry %d, %s, was acknowledged and is lost", receipt.Seq, id)
		}
	}
	return nil
}
