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

// CurveKey is a public or secret key of Curve25519.
type CurveKey [32]byte

// ParseCurveKey reads a key in Z85 (RFC 32), 40 characters.
func ParseCurveKey(text string) (CurveKey, error) { panic("not built") }

// String is the key in Z85. Never call it on a secret key but to store it.
func (k CurveKey) String() string { panic("not built") }

// CurvePair is a key pair; Secret must be kept secret, and is not shown by fmt.
type CurvePair struct{ Public, Secret CurveKey }

// NewCurvePair makes a pair at random.
func NewCurvePair() CurvePair { panic("not built") }

// CurveClient proves itself by its key and talks only to the server that has ServerKey (RFC 26).
type CurveClient struct {
	Keys      CurvePair
	ServerKey CurveKey
}

// CurveServer encrypts and knows its clients by their keys.
type CurveServer struct {
	Keys CurvePair
	// Authorise gives the name that stands in Peer.User, or an error that turns the client away. It may be called by several
	// goroutines at once. Nil lets nobody in.
	Authorise func(from Peer, key CurveKey) (user string, err error)
}

func (PlainClient) mechanism() (string, bool)      { return "PLAIN", false }
func (PlainServer) mechanism() (string, bool)      { return "PLAIN", true }
func (CurveClient) mechanism() (string, bool)      { return "CURVE", false }
func (CurveServer) mechanism() (string, bool)      { return "CURVE", true }
func (PlainClient) shake(exchange) (shaken, error) { panic("not built") }
func (PlainServer) shake(exchange) (shaken, error) { panic("not built") }
func (CurveClient) shake(exchange) (shaken, error) { panic("not built") }
func (CurveServer) shake(exchange) (shaken, error) { panic("not built") }
