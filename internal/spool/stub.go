package spool

import "context"

// Write keeps one envelope until it is drained.
func (s *Spool) Write(envelope []byte) error { return nil }

// Pending reports whether envelopes of the calling user are waiting.
func (s *Spool) Pending() (bool, error) { return false, nil }

// DrainOwn hands on what the calling user spooled, in order, until nothing is left.
func (s *Spool) DrainOwn(ctx context.Context, deliver Deliver) (Summary, error) {
	return Summary{Empty: true}, nil
}

// DrainAll hands on what all users spooled, each user's in order. Only who may list the directory can.
func (s *Spool) DrainAll(ctx context.Context, deliver Deliver) (Summary, error) {
	return Summary{Empty: true}, nil
}
