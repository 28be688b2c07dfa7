package zmtp

// run writes until end.
func (b *outbox) run() {
	for {
		select {
		case <-b.wake:
			b.write()
		case <-b.over:
			return
		}
	}
}

// write writes everything that waits.
func (b *outbox) write() {
	b.mu.Lock()
	for !b.gone && (b.part || len(b.queue) > 0) {
		if b.part {
			b.part = false
			b.mu.Unlock()
			err := b.c.Write(nil)
			b.mu.Lock()
			b.wrote(1, err)
			continue
		}
		k := b.take()
		asked := b.asked
		b.asked = false
		b.mu.Unlock()
		if asked {
			b.moved()
		}
		err := b.c.Write(k.data)
		n := k.messages
		b.chunks.put(k)
		b.mu.Lock()
		b.wrote(n, err)
	}
	b.rested()
}

// take takes the first chunk. The caller has the lock, and there is one.
func (b *outbox) take() *chunk {
	k := b.queue[0]
	b.queue[0] = nil
	if len(b.queue) > 1 {
		b.queue = b.queue[1:]
	} else {
		b.queue = b.queue[:0] // its memory is used again
	}
	b.count -= k.messages
	b.size -= len(k.data)
	return k
}

// wrote notes what a write came to. The caller has the lock. After an error the reader of the connection, which is closed, will
// call end.
func (b *outbox) wrote(messages int, err error) {
	if err != nil {
		b.gone = true
		return
	}
	b.sent.Add(uint64(messages))
}

// rested says that nobody writes any more, and gives the lock up.
func (b *outbox) rested() {
	b.writing = false
	asked := b.asked
	b.asked = false
	b.quiet.Broadcast()
	b.mu.Unlock()
	if asked {
		b.moved()
	}
}

// writeUrgent writes the only message that waits without waiting itself, and leaves the rest to the goroutine in run. The caller
// has the lock, which it gives up, and has set writing.
func (b *outbox) writeUrgent() {
	k := b.take()
	b.mu.Unlock()
	whole, err := b.c.writeSome(k.data)
	b.chunks.put(k)
	b.mu.Lock()
	if b.part = !whole && err == nil; !b.part {
		b.wrote(1, err)
	}
	if !b.gone && (b.part || len(b.queue) > 0) {
		b.mu.Unlock()
		b.wake <- struct{}{}
		return
	}
	b.rested()
}
