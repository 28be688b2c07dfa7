// Package replay is the old system's replay protocol (SPEC section 11): what a client asks for and what stands in the answer,
// for servers and clients alike. It stores and sends nothing.
//
// A request is one frame, a JSON object whose members are OR-ed together. The answer has one frame for each message, or exactly
// one frame that tells why there is none. It promises the exact sentences of the old server where that had one, an answer
// where the old server died, and that seq_id_range, which never worked there, works.
package replay
