package mesh

import "fmt"

// Gap stands in place of messages that nobody could give. It is an error behind which the iteration goes on.
type Gap struct {
	Service string
	// From and To are the first and the last number that are missing. Where the publisher counts anew, To is 0: what
	// follows has numbers from 1 on, and nobody knows what was missed of the old ones from From on.
	From, To uint64
	Reason   GapReason
}

// GapReason says why messages could not be given.
type GapReason string

// The reasons of a [Gap].
const (
	GapNotKept    GapReason = "not_kept"   // the replay server does not have them any more, or they never were
	GapUnanswered GapReason = "unanswered" // the replay server did not answer for long
	GapNoReplay   GapReason = "no_replay"  // there is nobody to ask
	GapRenumbered GapReason = "renumbered" // the publisher lost its numbers and counts anew
)

// Error tells what is missing.
func (g *Gap) Error() string {
	if g.Reason == GapRenumbered {
		return fmt.Sprintf("%s counts its messages anew; some from number %d on may be missing", g.Service, g.From)
	}
	return fmt.Sprintf("gap in %s from %d to %d: %s", g.Service, g.From, g.To, g.Reason)
}
