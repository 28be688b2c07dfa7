package zeromq

import "github.com/federated-messaging/fedmsg"

// openPublisher opens a socket on which the log is published.
func openPublisher(u setup) (edge, error) {
	return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s cannot be opened yet", u.endpoint)
}
