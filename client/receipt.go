package client

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// reply is one line of the node's answer: a receipt or an error.
type reply struct {
	id      []byte // of a receipt; part of the line
	receipt fedmsg.Receipt
	err     error
	wakes   bool // its publisher waits
}

// replyParser reads replies. It keeps the name of the log, which is the same in all of them, and so makes no string for
// each. It belongs to one goroutine.
type replyParser struct{ log fedmsg.LogID }

// parse reads one line: in one pass if it stands as [fedmsg.Receipt.AppendJSON] writes it, else by encoding/json.
func (p *replyParser) parse(line []byte) (reply, error) {
	if r, ok := p.usual(line); ok {
		return r, nil
	}
	if err := answeredError(line); err != nil {
		return reply{err: err}, nil
	}
	var r fedmsg.Receipt
	if err := json.Unmarshal(line, &r); err != nil || r.ID == "" || !r.Position.Log.Valid() {
		return reply{}, fedmsg.WrapError(fedmsg.CodeInternal, err, "the node answered with a line that is neither receipt nor error")
	}
	return reply{id: []byte(r.ID), receipt: r}, nil
}

// usual reads {"id":"…","position":"LOG-SEQ","seq":SEQ,"received":"…","duplicate":BOOL} without white space and escapes.
func (p *replyParser) usual(line []byte) (r reply, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"id":"`))
	if !ok {
		return r, false
	}
	id, rest, ok := bytes.Cut(rest, []byte(`","position":"`))
	if !ok || len(id) == 0 || bytes.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' }) {
		return r, false
	}
	log, rest, ok := bytes.Cut(rest, []byte{'-'})
	if !ok {
		return r, false
	}
	seq, n := number(rest)
	rest, ok = bytes.CutPrefix(rest[n:], []byte(`","seq":`))
	if !ok || n == 0 {
		return r, false
	}
	again, n := number(rest)
	rest, ok = bytes.CutPrefix(rest[n:], []byte(`,"received":"`))
	if !ok || again != seq {
		return r, false
	}
	stamp, rest, ok := bytes.Cut(rest, []byte(`","duplicate":`))
	if !ok {
		return r, false
	}
	duplicate := string(rest) == "true}"
	if !duplicate && string(rest) != "false}" {
		return r, false
	}
	var received time.Time
	if received.UnmarshalText(stamp) != nil {
		return r, false
	}
	if len(log) == 0 || string(p.log) != string(log) {
		if id := fedmsg.LogID(log); id.Valid() {
			p.log = id
		} else {
			return r, false
		}
	}
	r.id = id
	r.receipt = fedmsg.Receipt{Position: fedmsg.Position{Log: p.log, Seq: seq}, Seq: seq, Received: received, Duplicate: duplicate}
	return r, true
}

// number reads decimal digits from the beginning of b and says how many there were. More than surely fit are none, and so are
// some with a zero before them.
func number(b []byte) (v uint64, n int) {
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		if n == 19 || n == 1 && v == 0 {
			return 0, 0
		}
		v = v*10 + uint64(b[n]-'0')
		n++
	}
	return v, n
}
