package mailtrust

// The results of DKIM, as RFC 8601 names them.
const (
	none      = "none"      // no signature
	pass      = "pass"      // the signature is good
	fail      = "fail"      // it is not over this mail, or not any more
	policy    = "policy"    // it may be good, but is of a kind that is not taken
	permError = "permerror" // it, or its key, is none
	tempError = "temperror" // its key could not be asked for
)

// finding is a result and why it is so. The reason is text of this package, and has nothing in it from the mail.
type finding struct{ result, reason string }

// broken says that something of a signature cannot be understood.
func broken(reason string) finding { return finding{permError, reason} }
