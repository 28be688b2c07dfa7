package main

import (
	"fmt"
	"io"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// meterEvery is the time between two looks of a meter; what is done sooner shows none.
const meterEvery = 500 * time.Millisecond

// meter is a line on a terminal that says how far a long work is. A nil meter, as of an output that is no terminal, is silent.
type meter struct {
	out   io.Writer
	last  time.Time // of the last look, or of the start
	shown bool
}

// newMeter makes the meter of a work that begins now.
func (p *program) newMeter() *meter {
	if !ops.Terminal(p.stderr) {
		return nil
	}
	return &meter{out: p.stderr, last: time.Now()}
}

// show writes how far the work is, if it was not written a moment ago.
func (m *meter) show(format string, args ...any) {
	if m == nil || time.Since(m.last) < meterEvery {
		return
	}
	m.last, m.shown = time.Now(), true
	fmt.Fprintf(m.out, "\r\x1b[K"+format, args...)
}

// clear takes the line away.
func (m *meter) clear() {
	if m == nil || !m.shown {
		return
	}
	m.shown = false
	fmt.Fprint(m.out, "\r\x1b[K")
}
