// Package zmtp speaks ZMTP, the wire protocol of ZeroMQ, in pure Go: versions 3.1, 3.0 and 2.0 (ZeroMQ RFCs 37, 23 and 15)
// over TCP and unix sockets, with the mechanisms NULL, PLAIN and CURVE (RFCs 24, 25 and 26).
//
// There are two levels. [Conn], [Listen] and [Dial] are single connections, for programs that keep their own queues. The
// sockets, [Pub] to [Router], are ZeroMQ's patterns (RFCs 28 to 31) on top of them, each a type of its own with only the
// methods that make sense for it.
//
// It promises that a slow, silent or hostile peer delays nobody else and costs bounded memory; that what is dropped is
// counted; that subscriptions are complete again after each reconnection; and that no goroutine outlives Close. It knows
// nothing of what the messages mean.
package zmtp
