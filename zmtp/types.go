package zmtp

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
