// Package stomp takes entries to, and brings messages from, servers that speak STOMP 1.2, as ActiveMQ and RabbitMQ do.
//
// It promises that an entry is delivered when the server has sent the receipt for it, and that a message is acknowledged when
// the log has it. Entries are sent without waiting for one another's receipts. Nothing that a publisher writes into a message's
// headers says anything to the server: what is a command to it there stays inside the envelope.
//
// It does not promise that somebody got an entry: a server gives the receipt also for a topic that nobody listens to, and STOMP
// has no word for that.
//
// The frames are its own. What the library go-stomp offers waits for each receipt before it sends the next frame, writes each
// frame to the network by itself, and takes frames of any size.
package stomp
