// Package redact erases what messages said: it reads in the log what is to be erased, by whoever may say so, and has everything of this
// node erase it.
//
// It promises that a redaction which stands in the log is carried out, also when the node was killed behind it, and carried out again
// without harm; that nothing is erased on the word of anybody but the node itself and the signers that its operator lists; that
// nothing but the very envelope which was meant is erased; and that what was redacted is known by its id for ever, so that it is
// refused when it comes again.
//
// It does not publish redactions: the door does, which takes them from nobody else. The archive erases on its own way along the log.
package redact
