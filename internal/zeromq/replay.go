package zeromq

import "github.com/federated-messaging/fedmsg"

// openReplay opens a socket of the old replay protocol.
func openReplay(u setup) (edge, error) {
	return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s cannot be opened yet", u.endpoint)
}
