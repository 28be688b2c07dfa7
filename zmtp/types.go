package zmtp

import "strconv"

// SocketType is what a peer is to the other. The values are those of ZMTP 2.0.
type SocketType uint8

// The types.
const (
	PUB    SocketType = 1
	SUB    SocketType = 2
	REQ    SocketType = 3
	REP    SocketType = 4
	DEALER SocketType = 5
	ROUTER SocketType = 6
	PULL   SocketType = 7
	PUSH   SocketType = 8
	XPUB   SocketType = 9
	XSUB   SocketType = 10
)

// Message is the frames of one message, at least one. A message that was received is the receiver's to keep and to change,
// but its frames share memory with those that came with it: who keeps few of many for long copies them.
type Message [][]byte

// socketType is what RFCs 28 to 31 say of one type.
type socketType struct {
	name  string
	peers []SocketType // that it may talk to
}

// about gives what is known about a type; nothing for one that is none.
func (t SocketType) about() socketType {
	switch t {
	case PUB:
		return socketType{"PUB", []SocketType{SUB, XSUB}}
	case SUB:
		return socketType{"SUB", []SocketType{PUB, XPUB}}
	case REQ:
		return socketType{"REQ", []SocketType{REP, ROUTER}}
	case REP:
		return socketType{"REP", []SocketType{REQ, DEALER}}
	case DEALER:
		return socketType{"DEALER", []SocketType{REP, DEALER, ROUTER}}
	case ROUTER:
		return socketType{"ROUTER", []SocketType{REQ, DEALER, ROUTER}}
	case PULL:
		return socketType{"PULL", []SocketType{PUSH}}
	case PUSH:
		return socketType{"PUSH", []SocketType{PULL}}
	case XPUB:
		return socketType{"XPUB", []SocketType{SUB, XSUB}}
	case XSUB:
		return socketType{"XSUB", []SocketType{PUB, XPUB}}
	}
	return socketType{}
}

// String is the name as it stands on the wire.
func (t SocketType) String() string {
	if name := t.about().name; name != "" {
		return name
	}
	return "type " + strconv.Itoa(int(t))
}

// talksTo reports whether the two types go together.
func (t SocketType) talksTo(peer SocketType) bool {
	for _, p := range t.about().peers {
		if p == peer {
			return true
		}
	}
	return false
}

// publishes reports whether peers of this type send subscriptions.
func (t SocketType) publishes() bool { return t == PUB || t == XPUB }

func parseSocketType(name string) (SocketType, bool) {
	for t := PUB; t <= XSUB; t++ {
		if t.about().name == name {
			return t, true
		}
	}
	return 0, false
}

// quote shows what a stranger sent: short, and without control characters.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
