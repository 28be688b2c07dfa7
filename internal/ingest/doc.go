// Package ingest is the only door into a node's log: whatever brings messages hands them to a [Door].
//
// It promises, for each line that it is given:
//   - The outcome stands at the line's place: a receipt when the message is durable, or an error with a code and a sentence
//     for this sender. One bad line harms no other.
//   - A publisher's order of submission is the order in the log.
//   - Envelopes that a publisher made keep their exact bytes. Of the others the door makes the envelope, with the node's
//     counters i and n. These follow the log's order without a hole as long as the log takes what it is given; a hole tells
//     of an envelope whose sender was told that it was not stored.
//   - Nobody publishes on a topic to which no rule gives the right.
//   - A refusal is counted and logged in this package and nowhere else.
//
// It does not read sockets, authenticate senders or keep messages. Verification of signatures and schemas will stand between
// decoding and ordering; today every verdict is empty. It starts no goroutine.
package ingest
