package deliver

import (
	"fmt"

	"github.com/federated-messaging/fedmsg"
)

// What is told of entries that were skipped.
const (
	reasonOld   = "it was older than max_age when its turn came"
	reasonBegan = "the sink began behind it"
	reasonMoved = "an operator moved the sink past it"

	reasonRedacted = "it was redacted before its turn came"

	reasonDropped = "an operator dropped its dead letter"
)

// What is told where something is not known.
const (
	reasonChanged     = "what the sink wants was changed behind it, and whether it was wanted before is not known"
	reasonForgotten   = "some entries around it were skipped, so many that which ones is no longer kept"
	reasonManyRemarks = "the other side had more to say about entries around this one than is kept"
	reasonRemarksGone = "what the other side had to say about entries around this one is no longer kept"
	reasonUnreadable  = "what the sink wrote down of it is damaged or cannot be read"
	reasonAdrift      = "the sink's saved place was lost, and an operator had it go on behind this"
)

func reasonGap(r fedmsg.GapReason) string {
	switch r {
	case fedmsg.GapTrimmed:
		return "retention had removed it from the log before its turn came"
	case fedmsg.GapDamaged:
		return "its bytes on the disk are damaged"
	case fedmsg.GapOtherLog:
		return "the sink's place was of a log that this node knows nothing of"
	}
	return fmt.Sprintf("the log could not give it (%s)", r)
}
