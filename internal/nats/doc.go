// Package nats takes entries to, and brings messages from, servers that speak NATS, core and JetStream. The topic is the subject.
//
// It promises, with jetstream=yes, that an entry counts as delivered when a stream has acknowledged it, that one which is sent
// again is kept once, by its id, within the stream's window for duplicates, and that a message is acknowledged to the durable
// consumer only when it is settled; also what an earlier connection had taken and not settled comes before what is new.
// What JetStream acknowledges it syncs to disk every two minutes unless its sync_interval says otherwise.
//
// Without it, core NATS keeps nothing: an entry counts as delivered when the server has passed it on to the subscribers that it
// had at that moment, which may be none; and a source has nothing of what was published while it was not connected, or faster
// than the node took it, and says so where it can know.
//
// It does not connect again by itself: that is for the runners of sinks and sources, which know what was under way.
package nats
