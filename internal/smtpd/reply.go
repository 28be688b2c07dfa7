package smtpd

import "strings"

// Reply is an answer to a client: a code, its enhanced form where there is one, and a text for people, as in "250 2.0.0 ok". Only the
// printable ASCII of its first line is sent, up to 500 bytes.
type Reply string

// OK reports whether the reply says yes.
func (r Reply) OK() bool { return strings.HasPrefix(string(r), "2") }

// maxReply leaves room for the end of the line in the 512 bytes that a reply may have.
const maxReply = 500

// append writes the reply as a line of its own.
func (r Reply) append(b []byte) []byte {
	text, _, _ := strings.Cut(string(r), "\n")
	for i := range min(len(text), maxReply) {
		if c := text[i]; c >= ' ' && c < 0x7f {
			b = append(b, c)
		} else {
			b = append(b, '?')
		}
	}
	return append(b, "\r\n"...)
}

const (
	ok          Reply = "250 2.0.0 ok"
	bye         Reply = "221 2.0.0 bye"
	goAhead     Reply = "354 go ahead, and end with a dot alone between two CRLF"
	crowded     Reply = "421 4.3.2 too many connections, come again later"
	stopping    Reply = "421 4.3.2 stopping, come again later"
	tooSlow     Reply = "421 4.4.2 nothing came for too long"
	tooMany     Reply = "421 4.7.0 too many wrong commands"
	tooIdle     Reply = "421 4.7.0 too many commands without a mail"
	notSMTP     Reply = "421 5.5.2 this is not a mail client"
	badLine     Reply = "421 5.5.2 a command is at most 2048 bytes of text, and ends with CRLF"
	tooEarly    Reply = "421 5.5.0 something was sent before it was asked for"
	unknown     Reply = "500 5.5.2 there is no such command"
	wrongHello  Reply = "500 5.5.1 say LHLO where LMTP is spoken, and EHLO or HELO where SMTP is"
	badArgument Reply = "501 5.5.4 the command cannot be read"
	notDone     Reply = "502 5.5.1 not available here"
	badSequence Reply = "503 5.5.1 not now"
	badOption   Reply = "555 5.5.4 there is no such option, or it is wrong"
	unverified  Reply = "252 2.5.2 try to send it"
	tooLarge    Reply = "552 5.3.4 the mail is larger than what is taken"
	noRoom      Reply = "452 4.3.1 too many mails at once, come again later"
	tooManyFor  Reply = "452 4.5.3 too many recipients"
	noneFor     Reply = "554 5.5.1 there is no recipient"
)

// wrong reports whether the client is to blame for the command.
func (r Reply) wrong() bool {
	switch r {
	case unknown, wrongHello, badArgument, badSequence, badOption, noneFor:
		return true
	}
	return false
}
