package mesh

import "github.com/federated-messaging/fedmsg/zmtp"

// Service is one publisher as others find it: a name, and where it sends. All its addresses share one numbering.
type Service struct {
	Name      string
	Addresses []string       // tcp://HOST:PORT or ipc:///PATH
	Replay    string         // where it answers for what was missed; empty where nobody does
	ServerKey *zmtp.CurveKey // with it the connections are encrypted, and go only to who has this key; nil: they are not
}

// Message is one message as its publisher sent it.
type Message struct {
	Service  string       // the name of the publisher
	Endpoint string       // where it came from
	Topic    string       // the first frame, which need not be what the envelope says
	Frames   zmtp.Message // all frames: topic and envelope, or four with FEDMSG2 or FEDPUB1 as the second
	SeqID    uint64       // the number that the envelope has; 0: none
	Replayed bool         // it was asked for, because it was missed
}
