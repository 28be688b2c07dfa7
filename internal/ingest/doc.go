// Package ingest is the only door into a node's log: whatever brings messages hands them to a [Door].
//
// It promises, for each line that it is given:
//   - The outcome stands at the line's place: a receipt when the message is durable, or an error with a code and a sentence
//     for this sender. One bad line harms no other.
//   - A publisher's order of submission is the order in the log.
//   - Envelopes that a publisher made keep their exact bytes, unless the node puts its signature, or number, into one that nobody signed.
//     Of the others the door makes the envelope, with the node's counters i and n. These follow the log's order without a
//     hole as long as what is numbered can be signed and the log takes it; a hole tells of an envelope whose sender was told
//     that it was not stored. With Config.SeqID these, and those that the node signs, also have a seq_id, in which a hole is
//     left only by a write that failed.
//   - Nobody publishes on a topic to which no rule gives the right, be it the sender's or that of the verified signer.
//   - Nothing passes an entrance that is not verified as the entrance asks for, see [Passage]. What is signed is fresh, and no
//     repetition of what was trimmed. What nobody signed the node signs, where it signs the topic
//     and the entrance is one of its own publishers.
//   - A refusal is counted and logged in this package and nowhere else.
//
// What came in frames over ZeroMQ is a line like any other, once it is decoded.
//
// A line goes through these steps: it is decoded; its sender's rights are asked, then its signatures, its signer's rights and
// its time; in the door's turn it gets id and numbers and its place in the order; the node signs it; and it lands in the log.
// Only the turn is one at a time. Verifying and signing are shared among the cores where a batch has much of them: by
// goroutines that Submit waits for. No others are started.
//
// It does not read sockets, authenticate senders, know keys or keep messages.
package ingest
