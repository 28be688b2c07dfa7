//go:build !unix

package zmtp

// nowWriter is nothing here.
type nowWriter struct{}

// writeNow writes as much as the system takes at once. The caller has the lock.
func (c *Conn) writeNow(b []byte) (n int, err error) { return c.writeShortly(b) }
