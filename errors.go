package fedmsg

import (
	"errors"
	"fmt"
	"strings"
)

// Code is an error for machines: a stable lower-case word. Codes are only ever added. The empty code means that the error
// has none and is treated as [CodeInternal].
type Code string

// The codes, by who can mend them.
const (
	// The sender can: the request is wrong and will be wrong again.

	CodeBadJSON      Code = "bad_json"      // not one JSON value, or not I-JSON at a strict door
	CodeDuplicateKey Code = "duplicate_key" // an object has the same key twice
	CodeBadTopic     Code = "bad_topic"     // the topic breaks the grammar or its limits
	CodeBadBody      Code = "bad_body"      // msg is missing or not an object
	CodeBadEnvelope  Code = "bad_envelope"  // a member of the envelope or submission has the wrong type or is not known
	CodeBadID        Code = "bad_id"        // the id breaks the grammar
	CodeBadPattern   Code = "bad_pattern"   // not a topic pattern
	CodeBadPosition  Code = "bad_position"  // not LOGID-SEQ
	CodeBadRequest   Code = "bad_request"   // a parameter or header of the request is wrong
	CodeTooLarge     Code = "too_large"     // a limit of the table in Limits was passed
	CodeTooDeep      Code = "too_deep"      // JSON nested deeper than Limits.Depth
	CodeIDConflict   Code = "id_conflict"   // another message with this id is stored already
	CodeRedacted     Code = "redacted"      // the message with this id was erased
	CodeNotFound     Code = "not_found"     // there is no such thing, or this reader may not know of it
	CodeBadMethod    Code = "bad_method"    // the route exists, not with this method
	CodeBadMediaType Code = "bad_media_type"

	// An administrator can: the sender may not do this.

	CodeUnauthenticated Code = "unauthenticated" // no credential, or one that is not known
	CodeForbidden       Code = "forbidden"       // the sender may not publish on, or read, this topic
	CodeBadHost         Code = "bad_host"        // the Host header names none of this node's names
	CodeBadOrigin       Code = "bad_origin"      // a browser sent the request from another site

	// Who signed a message can, or who decides whom this node trusts.

	CodeUnsigned           Code = "unsigned"            // nobody signed it, and this door asks for a signature
	CodeMalformedSignature Code = "malformed_signature" // a signature, certificate or crypto member is not of a known form
	CodeBadSignature       Code = "bad_signature"       // the signature does not belong to these bytes
	CodeUnknownSigner      Code = "unknown_signer"      // no trust root knows the key or certificate
	CodeWrongTopic         Code = "wrong_topic"         // the signer may not speak for this topic
	CodeRevoked            Code = "revoked"             // the certificate or key was revoked
	CodeExpired            Code = "expired"             // the certificate, key or trust root was not valid at that time
	CodeWeakSignature      Code = "weak_signature"      // SHA-1 or a short key, from a root that is not legacy
	CodeStale              Code = "stale"               // signed too long ago for this door
	CodeFromFuture         Code = "from_future"         // signed later than now
	CodeStaleCRL           Code = "stale_crl"           // the revocation list is too old to tell; an administrator must renew it

	// Time can: try again.

	CodeUnavailable Code = "unavailable"   // nobody answers, or the node is stopping
	CodeTimeout     Code = "timeout"       // the outcome is unknown: it may be stored or not
	CodeBusy        Code = "too_many"      // a limit on connections or requests is reached
	CodeQueued      Code = "queued"        // no node took it; it is in the spool and will be sent
	CodeStorageFull Code = "storage_full"  // the disk or the configured size is full
	CodeLogFailed   Code = "log_failed"    // a write to the log failed; the node must be restarted
	CodeLogAhead    Code = "log_restored"  // saved positions lie beyond the log's end; see `fedmsg log adopt`
	CodeDamaged     Code = "damaged"       // stored bytes do not match their checksum
	CodeLocked      Code = "locked"        // another process holds the log
	CodeConfig      Code = "bad_config"    // the configuration is wrong
	CodeUsage       Code = "usage"         // the command line is wrong
	CodeCannotMake  Code = "cannot_create" // a file, directory or socket cannot be made
	CodeFormat      Code = "bad_format"    // the state was written by a newer version
	CodeInternal    Code = "internal"      // a fault of the program; the operator's log has the inside
	CodeInterrupted Code = "interrupted"   // the user or the system stopped it
)

// codeRow is one line of the table that maps codes to what each medium shows.
type codeRow struct{ http, exit int }

// codeTable is the only place that maps codes. Exit statuses follow sysexits.h.
func codeTable(c Code) codeRow {
	switch c {
	case CodeBadJSON, CodeDuplicateKey, CodeBadTopic, CodeBadBody, CodeBadEnvelope, CodeBadID, CodeTooDeep:
		return codeRow{400, 65}
	case CodeBadPattern, CodeBadPosition, CodeBadRequest:
		return codeRow{400, 64}
	case CodeTooLarge:
		return codeRow{413, 65}
	case CodeIDConflict:
		return codeRow{409, 65}
	case CodeRedacted:
		return codeRow{410, 65}
	case CodeNotFound:
		return codeRow{404, 65}
	case CodeBadMethod:
		return codeRow{405, 64}
	case CodeBadMediaType:
		return codeRow{415, 64}
	case CodeUnauthenticated:
		return codeRow{401, 77}
	case CodeForbidden, CodeBadOrigin:
		return codeRow{403, 77}
	case CodeMalformedSignature, CodeBadSignature:
		return codeRow{400, 65}
	case CodeStale, CodeFromFuture:
		return codeRow{403, 65}
	case CodeUnsigned, CodeUnknownSigner, CodeWrongTopic, CodeRevoked, CodeExpired, CodeWeakSignature:
		return codeRow{403, 77}
	case CodeStaleCRL:
		return codeRow{503, 69}
	case CodeBadHost:
		return codeRow{421, 77}
	case CodeUnavailable, CodeLogFailed, CodeLogAhead, CodeLocked:
		return codeRow{503, 69}
	case CodeTimeout:
		return codeRow{504, 75}
	case CodeBusy:
		return codeRow{503, 75}
	case CodeQueued:
		return codeRow{202, 75}
	case CodeStorageFull:
		return codeRow{507, 73} // 75 is of what is kept, or may be tried again at once
	case CodeDamaged:
		return codeRow{500, 65}
	case CodeConfig, CodeFormat:
		return codeRow{500, 78}
	case CodeUsage:
		return codeRow{400, 64}
	case CodeCannotMake:
		return codeRow{500, 73}
	case CodeInterrupted:
		return codeRow{503, 130}
	case CodeInternal:
		return codeRow{500, 70}
	default: // of a later version
		return codeRow{500, 70}
	}
}

// HTTPStatus is the status of an HTTP answer that carries this error.
func (c Code) HTTPStatus() int { return codeTable(c).http }

// ExitStatus is the exit status of a command that ends with this error, after sysexits.h.
func (c Code) ExitStatus() int { return codeTable(c).exit }

// Retryable reports whether the same request may succeed later without anybody changing it.
func (c Code) Retryable() bool {
	switch c {
	case CodeUnavailable, CodeTimeout, CodeBusy, CodeStorageFull, CodeLogFailed, CodeLogAhead, CodeStaleCRL:
		return true
	}
	return false
}

// Error is what a sender, reader or user is told. Code is for machines; Message is a sentence for people: what was
// attempted, on what, why, and the cure where it is known. Err is the inside, for the operator's log only: it is never
// shown to the other side.
type Error struct {
	Code    Code
	Message string
	Err     error
}

// Error gives the sentence and, for the operator, the inside behind it. What the sentence ends with is not said twice.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	inside := e.Err.Error()
	said := inside
	if cause, ok := e.Err.(*Error); ok {
		said = cause.Message
	}
	if strings.HasSuffix(e.Message, said) {
		return e.Message + strings.TrimPrefix(inside, said)
	}
	return e.Message + ": " + inside
}

// Unwrap gives the inside.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error without an inside.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WrapError makes an Error around an inside, which stays with the operator.
func WrapError(code Code, inside error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: inside}
}

// CodeOf finds the code of err. An error without one is CodeInternal; nil has the empty code.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return e.Code
	}
	return CodeInternal
}

// Public gives what err may show to the other side: its code and sentence, without any inside. An error without a code
// shows nothing but that it happened.
func Public(err error) (Code, string) {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return e.Code, e.Message
	}
	return CodeInternal, "internal error; the node's log says more"
}

// clip shortens s, which came from outside, for use in a sentence.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
