package filter

import (
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// senderKinds are the kinds of senders that entries have.
func senderKinds() []string {
	return []string{
		string(fedmsg.SenderUID), string(fedmsg.SenderToken), string(fedmsg.SenderCertificate), string(fedmsg.SenderCurve),
		string(fedmsg.SenderZeroMQ), string(fedmsg.SenderLoopback), string(fedmsg.SenderSource), string(fedmsg.SenderNode),
	}
}

// CheckSenders finds what can be no sender: nothing would ever match it.
func CheckSenders(senders []string) error {
	for _, s := range senders {
		kind, name, named := strings.Cut(s, ":")
		if !slices.Contains(senderKinds(), kind) || named && name == "" || printable(s) != s {
			return fedmsg.Errorf(fedmsg.CodeBadRequest, "%q is no sender; write KIND:NAME as in uid:1000, or KIND alone; kinds are %s",
				clip(s), strings.Join(senderKinds(), ", "))
		}
	}
	return nil
}

// CheckSigners finds what can be no signer: nothing would ever match it.
func CheckSigners(signers []string) error {
	for _, s := range signers {
		root, name, named := strings.Cut(s, "/")
		if root == "" || named && name == "" || printable(s) != s {
			return fedmsg.Errorf(fedmsg.CodeBadRequest, "%q is no signer; write ROOT/NAME, or ROOT alone for all that this root vouches for", clip(s))
		}
	}
	return nil
}

// printable takes control characters out of what came from outside.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// clipLong is clip for a sentence.
func clipLong(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
