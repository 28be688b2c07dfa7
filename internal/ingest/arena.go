package ingest

import "github.com/federated-messaging/fedmsg/internal/wire"

// maxArena bounds the memory that the envelopes of one batch share, and so what a slow reader of one of them holds back.
const maxArena = 256 << 10

// keep copies an envelope into the arena of the batch. At most size bytes are still to come, this envelope included.
func (b *batch) keep(envelope []byte, size int) []byte {
	return b.fill(append(b.room(len(envelope), size), envelope...))
}

// encode makes an envelope in the arena of the batch.
func (b *batch) encode(d *wire.Draft) []byte {
	// About how long it becomes: exact enough that it seldom has to move.
	n := 240 + len(d.Topic) + len(d.ID) + len(d.Username) + len(d.Headers) + len(d.Body)
	return b.fill(wire.AppendEnvelope(b.room(n, n*len(b.drafts)), d))
}

// room gives an empty slice with room for n bytes at the end of the arena, or of a new one for about size bytes.
func (b *batch) room(n, size int) []byte {
	if cap(b.arena)-len(b.arena) < n {
		b.arena = make([]byte, 0, max(n, min(size, maxArena)))
	}
	return b.arena[len(b.arena):]
}

// fill takes what was appended to room, which has moved if the room was too small, as the arena's.
func (b *batch) fill(data []byte) []byte {
	if n := len(b.arena) + len(data); n <= cap(b.arena) {
		b.arena = b.arena[:n]
	}
	return data[:len(data):len(data)]
}
