package mesh

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// SubscribeOptions says whom to listen to, and from where on. At least one of File, Domains and Services is set; the services
// of all three are listened to, also of those that come later, as long as they are there.
type SubscribeOptions struct {
	// File is the endpoints file, one service a line, see [ParseEndpoints]. It is read again when it changes, and need not be
	// there yet.
	File string
	// Domains are asked for SRV records, _fedmsg._tcp.DOMAIN. Each record is a publisher with a numbering of its own; the name
	// of its service is the domain. Nobody is asked for what they missed.
	Domains []string
	// Services are listened to besides. One that nobody named may have an address of it as its name.
	Services []Service
	// Resolver is HOST:PORT of the name server that is asked for SRV records and for the addresses of hosts; empty is what the
	// system has.
	Resolver string

	// Prefixes are beginnings of topics; a message with any of them is given. None: all messages.
	Prefixes []string
	// After has the last number that was seen of a service, in an earlier run: what came later is asked for, and given first.
	// 0 begins with the oldest message that is kept. A service that is not here begins now: with what was sent since the call
	// of Subscribe, to the second, even if it is found later.
	After map[string]uint64
	// Oldest lets services that are not in After begin with the oldest message that is kept.
	Oldest bool
	// Replay asks the replay servers for what is missing. Without it a gap is told at once.
	Replay bool

	// Poll is how often the file is looked at, and the shortest time for which an answer of the DNS holds; 2 s.
	Poll time.Duration
	// Patience is how long what is missing is waited for, while the replay server does not answer, before a gap is told; 30 s.
	Patience time.Duration
	// Waiting bounds the messages of one service that wait because others are missing before them; 10000. Those beyond it are
	// forgotten, and asked for like those that are missing.
	Waiting int
	// WaitingBytes bounds the bytes of them; 32 MiB.
	WaitingBytes int
	// MaxServices bounds the services that are listened to; 4096. Those beyond it are reported.
	MaxServices int

	// ZMTP is for the connections. A [zmtp.CurveClient] as its Security gives the keys for the services that have a ServerKey;
	// without it new ones are made.
	ZMTP zmtp.Options
	// Report hears of what happens on the way; nil is silent. It is called by one goroutine at a time and must return soon.
	Report func(Event)
}

// filled gives the options with their defaults, or tells what is wrong with them.
func (o SubscribeOptions) filled() (SubscribeOptions, error) {
	if o.File == "" && len(o.Domains) == 0 && len(o.Services) == 0 {
		return o, fedmsg.Errorf(fedmsg.CodeUsage, "there is nobody to listen to; name an endpoints file, a domain or a service")
	}
	for _, s := range o.Services {
		if err := s.checkNamed(); err != nil {
			return o, err
		}
	}
	for _, d := range o.Domains {
		if strings.Trim(d, ".") == "" || strings.ContainsAny(d, " \t/:") {
			return o, fedmsg.Errorf(fedmsg.CodeUsage, "%q is not a domain to ask for publishers; write one as in example.org", d)
		}
	}
	o.Poll = positive(o.Poll, 2*time.Second)
	o.Patience = positive(o.Patience, usual().patience)
	o.Waiting = positive(o.Waiting, 10_000)
	o.WaitingBytes = positive(o.WaitingBytes, 32<<20)
	o.MaxServices = positive(o.MaxServices, 4096)
	if o.Resolver != "" {
		if _, _, err := net.SplitHostPort(o.Resolver); err != nil {
			return o, fedmsg.Errorf(fedmsg.CodeUsage, "the resolver %q is not HOST:PORT", o.Resolver)
		}
		if o.ZMTP.Dial == nil {
			o.ZMTP.Dial = dialThrough(o.Resolver)
		}
	}
	if c, ok := o.ZMTP.Security.(zmtp.CurveClient); o.ZMTP.Security == nil || ok && c.Keys.Public == (zmtp.CurveKey{}) {
		c.Keys = zmtp.NewCurvePair()
		o.ZMTP.Security = c
	}
	return o, nil
}

// positive gives n, or the default where there is none.
func positive[N int | time.Duration](n, otherwise N) N {
	if n <= 0 {
		return otherwise
	}
	return n
}

// wants reports whether a topic is asked for.
func (o *SubscribeOptions) wants(topic string) bool {
	if len(o.Prefixes) == 0 {
		return true
	}
	for _, p := range o.Prefixes {
		if strings.HasPrefix(topic, p) {
			return true
		}
	}
	return false
}

// dialThrough makes connections to hosts that one name server knows.
func dialThrough(resolver string) func(ctx context.Context, network, address string) (net.Conn, error) {
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, resolver)
	}}
	return (&net.Dialer{Resolver: r}).DialContext
}
