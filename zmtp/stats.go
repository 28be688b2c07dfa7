package zmtp

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
