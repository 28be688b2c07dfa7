package zeromq

import "github.com/federated-messaging/fedmsg"

// openRelayIn opens a socket that old publishers connect to.
func openRelayIn(u setup) (edge, error) {
	return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s cannot be opened yet", u.endpoint)
}
