package fedmsgtest

import (
	"bytes"
	"strings"
	"sync"
)

// output collects what a program prints and tells those who wait for a line. Any goroutine may use it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed and replaced at each write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

// Write takes a piece of output; it never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	close(o.more)
	o.more = make(chan struct{})
	return len(p), nil
}

// String gives all that was printed.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// after gives what was printed after the first n bytes, and a channel that is closed when there is more.
func (o *output) after(n int) (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text.Bytes()[min(n, o.text.Len()):]), o.more
}

// line finds the first whole line that starts with prefix, and gives its rest.
func line(text, prefix string) (string, bool) {
	for l := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(l, prefix); ok && strings.HasSuffix(rest, "\n") {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}
