package trust

import (
	"fmt"
	"testing"
)

// TestCacheBounds holds that a cache keeps what is used, and never more or longer keys than it may.
func TestCacheBounds(t *testing.T) {
	t.Parallel()
	c, used := newCache(), &certificate{}
	c.put([]byte("used"), used)
	for i := range 3 * cachedCertificates {
		c.put(fmt.Append(nil, i), &certificate{})
		if c.get([]byte("used")) != used {
			t.Fatalf("what is used was forgotten after %d others", i)
		}
		if n := len(c.young) + len(c.elder); n > cachedCertificates {
			t.Fatalf("there are %d", n)
		}
	}
	if c.get([]byte("0")) != nil {
		t.Error("what is not used is there for ever")
	}
	long := make([]byte, cachedBytes+1)
	c.put(long, used)
	if c.get(long) != nil {
		t.Error("a key that is too long is kept")
	}
	c.put(long[:cachedBytes], used)
	if c.get(long[:cachedBytes]) != used {
		t.Error("the longest key is not kept")
	}
}
