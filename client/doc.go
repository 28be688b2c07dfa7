// Package client publishes to a fedmsg node and follows its log.
//
// It promises that a receipt means durable: Publish returns without an error only when the node has the message on disk.
// An error says that it is not stored, or that the outcome is unknown ([fedmsg.CodeTimeout]), or that it waits in the spool
// ([fedmsg.CodeQueued]). Publish returns when its deadline is over whatever the node does. Messages carry their id from the
// first attempt, so that a repetition, also from the spool, is stored once. A reader is never silently short: it gets the
// entry or a [fedmsg.Gap].
//
// Any number of goroutines may share one [Client]; they share one connection, on which many messages are under way at once,
// in the order of the calls. It does not keep what it could not send unless the spool is on, does not verify signatures, and
// keeps no position of a reader: the caller does.
package client
