package zmtp

import (
	"encoding/binary"
	"testing"
	"time"
)

// TestReconnectKeepsOrder has a publisher come back before what it sent in its former life was taken.
func TestReconnectKeepsOrder(t *testing.T) {
	t.Parallel()
	const lives, messages = 5, 100
	for _, kinds := range [][2]SocketType{{PUB, SUB}, {PUSH, PULL}, {DEALER, DEALER}} {
		t.Run(kinds[1].String(), func(t *testing.T) {
			t.Parallel()
			to, err := openOurs(kinds[1], Options{ReconnectMin: time.Millisecond, ReconnectMax: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer to.close()
			lines := make(chan *Conn)
			ln := serve(t, "tcp://127.0.0.1:0", kinds[0], Options{}, func(c *Conn) {
				lines <- c
				discard(c) // until it ends; that everything is wanted is known
			})
			if to.sub != nil {
				if err := to.subscribe(false, ""); err != nil {
					t.Fatal(err)
				}
			}
			if err := to.connect(ln.URI()); err != nil {
				t.Fatal(err)
			}
			for life := range lives {
				var encoded []byte
				for n := range messages {
					encoded = AppendMessage(encoded, binary.BigEndian.AppendUint32(nil, uint32(life*messages+n)))
				}
				c := <-lines
				if err := c.Write(encoded); err != nil {
					t.Fatal(err)
				}
				for to.socket.Stats().Received < uint64((life+1)*messages) {
					time.Sleep(time.Millisecond) // nothing tells of it
				}
				c.Close()
			}
			for n := range lives * messages {
				m, err := to.read(t.Context())
				if err != nil || binary.BigEndian.Uint32(m[0]) != uint32(n) {
					t.Fatalf("%x came in the place of %d: %v", m, n, err)
				}
			}
		})
	}
}
