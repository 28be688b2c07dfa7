package zeromq

import (
	"log/slog"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// setup is what an edge is made from.
type setup struct {
	*endpoint
	cfg     *Config
	deps    *Deps
	clients clients
	counts  *counts      // of this endpoint
	heard   *heard       // of all that listen to the mesh; nil where none does
	logger  *slog.Logger // with the endpoint's address
	calm    *slog.Logger // the same, for what peers can bring about as often as they like
	zmtp    zmtp.Options // for its sockets

	zmtpLogger *slog.Logger // calm too, and without the address, which zmtp gives itself
}

// options are those of the endpoint's sockets.
func (u *setup) options() (zmtp.Options, error) {
	o := zmtp.Options{
		MaxMessage: u.deps.MaxMessage, MaxSubscriptions: u.cfg.MaxSubscriptions, HandshakeTimeout: u.cfg.HandshakeTimeout,
		MaxHandshakes: u.cfg.MaxHandshakes, MaxPeers: u.cfg.MaxPeers, WriteTimeout: u.cfg.WriteTimeout,
		Heartbeat: u.cfg.Heartbeat, Logger: u.zmtpLogger,
	}
	if !u.curve {
		return o, nil
	}
	if len(u.clients) == 0 {
		u.logger.Warn("an endpoint with curve=yes lets nobody in, because there is no [[zeromq_client]]")
	}
	if u.deps.Curve == nil {
		return o, fedmsg.Errorf(fedmsg.CodeConfig, "%s has curve=yes, and the node has no CURVE keys", u.endpoint)
	}
	keys, err := u.deps.Curve()
	if err != nil {
		return o, err
	}
	o.Security = zmtp.CurveServer{Keys: keys, Authorise: u.clients.authorise}
	return o, nil
}
