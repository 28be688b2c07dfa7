package zeromq

import (
	"errors"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// Client is a [[zeromq_client]]: a program that proves itself by its CURVE key, at endpoints with curve=yes.
type Client struct {
	Name   string           // by which [[publisher]] curve = NAME and the log speak of it
	Key    string           // its public key in Z85, as `fedmsg keys show` prints that of a node
	Topics []fedmsg.Pattern // what it may read; nothing when empty
}

// ValidateClients tells all that is wrong with the clients, each fault beginning with the name of the table.
func ValidateClients(all []Client) error {
	_, err := newClients(all)
	return err
}

// clients knows the clients by their keys. It is never changed.
type clients map[zmtp.CurveKey]*Client

// newClients reads the keys of the clients.
func newClients(all []Client) (clients, error) {
	var faults []error
	byKey, names := make(clients, len(all)), make(map[string]bool, len(all))
	fault := func(i int, format string, args ...any) {
		args = append([]any{i + 1}, args...)
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "zeromq_client %d "+format, args...))
	}
	for i := range all {
		c := &all[i]
		switch {
		case c.Name == "":
			fault(i, "has no name")
		case names[c.Name]:
			fault(i, "has the name %q of another one", c.Name)
		}
		names[c.Name] = true
		key, err := zmtp.ParseCurveKey(c.Key)
		switch {
		case err != nil: // never shown: somebody may have put a secret key there
			fault(i, "(%s) has a key that is not the public key of a CURVE pair in Z85, 40 characters", c.Name)
		case byKey[key] != nil:
			fault(i, "(%s) has the key of %s; each client needs a pair of its own", c.Name, byKey[key].Name)
		default:
			byKey[key] = c
		}
	}
	return byKey, errors.Join(faults...)
}

// authorise lets a client in, as zmtp.CurveServer asks for it.
func (c clients) authorise(_ zmtp.Peer, key zmtp.CurveKey) (string, error) {
	if client := c[key]; client != nil {
		return client.Name, nil
	}
	return "", errors.New("it is of no [[zeromq_client]]")
}

// scope gives what the client of a connection may read.
func (c clients) scope(p zmtp.Peer) []fedmsg.Pattern {
	if len(p.Key) != len(zmtp.CurveKey{}) {
		return nil
	}
	if client := c[zmtp.CurveKey(p.Key)]; client != nil {
		return client.Topics
	}
	return nil
}
