package zmtp

// The clients and servers below are stubs that their owners replace.

// PlainClient proves itself by name and password, which anybody on the way can read (RFC 24).
type PlainClient struct{ Username, Password string }

// PlainServer asks for name and password.
type PlainServer struct {
	// Authorise gives the name that stands in Peer.User, or an error that turns the peer away. It may be called by several
	// goroutines at once. Nil lets nobody in.
	Authorise func(from Peer, username, password string) (user string, err error)
}

func (PlainClient) mechanism() (string, bool)      { return "PLAIN", false }
func (PlainServer) mechanism() (string, bool)      { return "PLAIN", true }
func (PlainClient) shake(exchange) (shaken, error) { panic("not built") }
func (PlainServer) shake(exchange) (shaken, error) { panic("not built") }
