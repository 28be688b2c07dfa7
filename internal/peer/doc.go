// Package peer joins nodes: it pushes a node's entries to another over HTTP, and follows another from a saved position.
//
// It promises:
//   - Envelope, signatures and the position at which the first node had an entry pass to the byte, through any number of nodes.
//   - What has come from a node is not pushed back to it; whatever else comes round in a circle ends at its id, in the log of a node
//     that has it.
//   - The receipts of the other node are the answers about what is pushed. The place in a log that is followed is saved behind what
//     this node has on disk, never before it.
//   - Each side judges for itself: the other node what this one may publish and read there, this node what the source may bring.
package peer
