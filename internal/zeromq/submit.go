package zeromq

import "github.com/federated-messaging/fedmsg"

// openSubmission opens a socket that takes submissions.
func openSubmission(u setup) (edge, error) {
	return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s cannot be opened yet", u.endpoint)
}
