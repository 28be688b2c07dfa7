// Package receive runs the sources of a node: what brings messages from other buses and nodes.
//
// It promises, for each source:
//   - A message is settled, which lets the source acknowledge it, only when it is on disk: in the log, or with the dead letters
//     because no door will ever take it. What the node cannot take just now waits, and holds the other side back. Only what is
//     older than what this node keeps is passed over, counted and told of: its log may have had it and forgotten it.
//   - Order is kept, from the source to the log. Only what was on its way when the node could not store something before it may
//     come in front of that: nothing is handed on from then until all of it is stored.
//   - A source that fails is run again, with growing waits; none waits for another.
//   - What it brings is of its topics, and is verified as the configuration says.
//
// It knows no protocol.
package receive
