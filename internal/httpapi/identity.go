package httpapi

import (
	"net/http"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// identity is who sent a request and what it may read. It is found in one place, [Server.identify], and handed to every
// handler.
type identity struct {
	sender fedmsg.Sender    // zero: nobody, who may not publish
	read   []fedmsg.Pattern // what it may read; nil means nothing. Shared: not to be changed
	local  bool             // it came over the unix socket

	operator bool // it came over the unix socket from root or the node's own user, whatever token it showed
}

// identified reports whether the sender showed who it is.
func (id *identity) identified() bool {
	return !id.sender.IsZero() && id.sender.Kind != fedmsg.SenderLoopback
}

// nobody reports whether nothing is known of the sender but that the endpoint let it in, from wherever it came.
func (id *identity) nobody() bool { return id.sender.IsZero() && !id.local }

// mayRead reports whether an entry of the topic may be shown.
func (id *identity) mayRead(topic string) bool {
	for _, p := range id.read {
		if p.Match(topic) {
			return true
		}
	}
	return false
}

// identify finds out who sent the request. What a sender showed counts in this order: token, client certificate, uid,
// loopback. A token that is not known is an error and never falls back to a lesser identity.
//
// The scope of readers is the union of what the listener gives everybody and what the token gives its bearer; this is the
// only place where it is made.
func (s *Server) identify(r *http.Request) (identity, error) {
	id, err := s.identifySender(r)
	c := connOf(r)
	id.operator = err == nil && c.door.local && c.peer.Kind == fedmsg.SenderUID && (c.peer.Name == "0" || c.peer.Name == s.ownUID)
	return id, err
}

func (s *Server) identifySender(r *http.Request) (identity, error) {
	c := connOf(r)
	id := identity{sender: c.peer, read: c.door.read, local: c.door.local}
	if secret, given, err := bearer(r); err != nil {
		return identity{}, err
	} else if given {
		return s.identifyToken(c, secret)
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		name := certificateName(r.TLS.VerifiedChains[0][0])
		if name == "" {
			return identity{}, fedmsg.Errorf(fedmsg.CodeUnauthenticated, "the client certificate has no name; it needs a common name, a DNS name or a URI")
		}
		id.sender = fedmsg.Sender{Kind: fedmsg.SenderCertificate, Name: name}
		return id, nil
	}
	if id.sender.IsZero() && s.deps.Dev && c.loopback && c.door.loopback {
		id.sender = fedmsg.Sender{Kind: fedmsg.SenderLoopback}
	}
	return id, nil
}

// identifyToken is identify for a request that has a token.
func (s *Server) identifyToken(c *conn, secret string) (identity, error) {
	if !c.door.local && !c.door.tls && !c.loopback && !s.cfg.InsecurePlainHTTP {
		return identity{}, fedmsg.Errorf(fedmsg.CodeForbidden, "a token over plain HTTP can be read on the way and is not taken; use https, or let the operator set http.insecure_plain_http, and replace this token")
	}
	if s.deps.Tokens != nil {
		if name, read, ok := s.deps.Tokens(secret); ok {
			return identity{
				sender: fedmsg.Sender{Kind: fedmsg.SenderToken, Name: name},
				read:   union(c.door.read, read), local: c.door.local,
			}, nil
		}
	}
	return identity{}, fedmsg.Errorf(fedmsg.CodeUnauthenticated, "this token is not known here, or was revoked; ask the operator for another (fedmsg token new)")
}

// bearer gives the token of a request.
func bearer(r *http.Request) (secret string, given bool, err error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", false, nil
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	secret = strings.TrimSpace(secret)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return "", false, fedmsg.Errorf(fedmsg.CodeUnauthenticated, "the Authorization header is not of the form: Bearer TOKEN")
	}
	return secret, true, nil
}

// union gives the patterns of both. It allocates only where both have some and neither has all.
func union(a, b []fedmsg.Pattern) []fedmsg.Pattern {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0 || a[0].String() == "#":
		return a
	}
	return append(a[:len(a):len(a)], b...)
}
