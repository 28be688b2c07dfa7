package zmtp

// socket is what all sockets have: endpoints that they are bound and connected to, and the goroutines of their peers.
type socket struct{}

// newSocket makes the base. serve is called for each peer, in a goroutine of its own, and owns the connection until it
// returns; it is not called again for the same peer before it has. It must return soon after c is closed.
func newSocket(t SocketType, o Options, serve func(c *Conn)) *socket { panic("not built") }

// Bind listens on a URI, see [Listen], and gives it with the port that was found.
func (s *socket) Bind(uri string) (bound string, err error) { panic("not built") }

// Connect connects to a URI in the background, again and again, until Disconnect or Close. The peer need not be there. An
// error says that the URI makes no sense or that the socket is closed.
func (s *socket) Connect(uri string) error { panic("not built") }

// Disconnect ends what Connect began, or what Bind did, and waits for the goroutines of it.
func (s *socket) Disconnect(uri string) error { panic("not built") }

// Close ends everything, waiting for what is queued as long as Options.Linger says, and for the goroutines. It may be called
// several times.
func (s *socket) Close() error { panic("not built") }

// Stats tells of every endpoint.
func (s *socket) Stats() Stats { panic("not built") }

// Stats is what a socket has done so far.
type Stats struct {
	Sent, Received uint64 // messages
	Dropped        uint64 // messages that a peer did not get because it had not taken those before
	Subscriptions  int    // of all peers together
	Endpoints      []EndpointStats
}

// EndpointStats is what came of one Bind or Connect.
type EndpointStats struct {
	URI       string
	Bound     bool
	Peers     int    // connected now
	Connects  uint64 // handshakes that were done
	Failures  uint64 // attempts and handshakes that failed
	Refused   uint64 // peers that were turned away: by the authoriser, or by a limit
	LastError string // of the newest failure, while it is not connected; empty otherwise
}
