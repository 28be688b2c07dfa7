// Package smtpd receives mails by SMTP and LMTP.
//
// It promises that a mail ends at CRLF, dot, CRLF and nowhere else, so that nobody can put a second mail into one; that what was cut off
// is never handed on; that no client, however slow, loud or numerous, takes more memory, time or connections than the Config says; and
// that a mail is answered for only with what the Backend said of it. Each goroutine that Serve starts has ended when it returns.
//
// It sends nothing on, knows no users and has no TLS: it is for the mail server of this machine. Nothing that a client writes is in what
// it writes back.
//
// The protocol is its own. The library go-smtp takes a mail whose last chunk (BDAT) is cut off as whole, does not see the end of one whose
// last line ends with CR CR LF, bounds the lines of mails and of commands alike, and its goroutines cannot be waited for.
package smtpd
