// Package mesh is the bus without a broker: each publisher binds a ZeroMQ socket of its own, and each subscriber connects to
// all of them, which it finds in a shared text file, in DNS, or by being told.
//
// It promises that a publisher which numbers its messages (seq_id, SPEC section 11) and answers for the last of them is heard
// completely: a subscriber sees what is missing, asks for exactly that, and gives each message once and in order, or a [Gap]
// in place of what nobody can give. Of publishers that do not number, what the network loses is lost; that is the price of
// having no node. A dead endpoint delays nobody. It does not verify signatures: see `fedmsg verify`, and the node.
package mesh
