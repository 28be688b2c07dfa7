// Package fedmsg is the vocabulary of the bus: messages, topics, patterns, positions, entries, receipts and error codes.
//
// It promises that one word means one thing everywhere: every package, protocol edge, command and client speaks in these
// types, and what makes a topic, a position or a message valid is decided here and nowhere else. It imports only the
// standard library, opens no file or socket, starts no goroutine, and keeps no state.
//
// A publisher says a [Message]. Its exact bytes on the wire are the envelope. A node that accepted it holds an [Entry]: the
// envelope and what the node knows of it. The publisher is told by a [Receipt], or by an [Error] with a [Code]. A reader
// stands at a [Position].
package fedmsg
