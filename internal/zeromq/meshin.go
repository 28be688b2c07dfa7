package zeromq

import "github.com/federated-messaging/fedmsg"

// openMeshIn opens a subscription to publishers of the mesh.
func openMeshIn(u setup) (edge, error) {
	return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s cannot be opened yet", u.endpoint)
}
