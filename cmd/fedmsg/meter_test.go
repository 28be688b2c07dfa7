package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// TestMeter holds that short work shows nothing, that a line goes away at the end, and that no terminal means silence.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := &meter{out: &out, last: time.Now()}
		m.show("early")
		m.clear()
		if out.Len() > 0 {
			t.Errorf("at once it shows %q", out.String())
		}
		time.Sleep(meterEvery)
		m.show("%d messages", 7)
		m.show("%d messages", 8)
		m.clear()
		if want := "\r\x1b[K7 messages\r\x1b[K"; out.String() != want {
			t.Errorf("it shows %q, want %q", out.String(), want)
		}
		out.Reset()
		p := &program{stderr: &out}
		p.newMeter().show("x")
		p.newMeter().clear()
		if out.Len() > 0 {
			t.Errorf("an output that is no terminal gets %q", out.String())
		}
	})
}
