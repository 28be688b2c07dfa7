package main

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestGapText holds that each reason for a gap is told with both positions, and that one of a later version is told too.
func TestGapText(t *testing.T) {
	for reason, want := range map[fedmsg.GapReason]string{
		fedmsg.GapTrimmed: "removed", fedmsg.GapDamaged: "`fedmsg check`", fedmsg.GapOtherLog: "does not know",
		fedmsg.GapAhead: "`fedmsg log adopt --help`", "eclipse": "eclipse; these messages cannot be shown",
	} {
		g := &fedmsg.Gap{From: fedmsg.Position{Log: "aaaaaaaaaaaa", Seq: 7}, To: fedmsg.Position{Log: "bbbbbbbbbbbb", Seq: 9}, Reason: reason}
		text := gapText(g)
		for _, part := range []string{want, "aaaaaaaaaaaa-7", "bbbbbbbbbbbb-9"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s is told as %q, which lacks %q", reason, text, part)
			}
		}
	}
}
