// Package zeromq is the node's edge to ZeroMQ: what it publishes to subscribers, and what submitters, old publishers and the
// mesh bring to it, on the protocol of package zmtp.
//
// It promises that a subscriber is a reader of the log, so that it misses nothing while it is connected, however slow, and
// delays nobody; that a submission is answered when it is on disk; and that whatever cannot be a message is counted and
// stands in nobody's way. It decides nothing about messages: they go through the node's door.
package zeromq
