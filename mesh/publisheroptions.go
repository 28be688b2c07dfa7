package mesh

import (
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/compose"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// Format is how a publisher sends.
type Format string

// The formats of a [Publisher].
const (
	Fedmsg1 Format = "fedmsg1" // two frames, topic and envelope, which every subscriber understands; a signature is embedded
	Fedmsg2 Format = "fedmsg2" // four frames, with detached signatures; old subscribers die of them
)

// PublisherOptions says how to publish. Only Name is needed.
type PublisherOptions struct {
	// Name is that of the service, NAME.HOST, unlike that of any other publisher.
	Name string
	// Host is what is bound: an address or a host of this machine. Empty binds all interfaces.
	Host string
	// Advertise is the host that others connect to; empty is Host, or the name of this machine where that is empty.
	Advertise string
	// Ports is the range of which the first free port is taken, and another one for replay: FIRST-LAST or one port; 0 takes any
	// that is free. Empty is 3000-3099.
	Ports string
	// File is the endpoints file in which the publisher announces itself while it is open; empty announces nothing.
	File string
	// State is the directory in which the count of the messages is kept. Without it the messages have no numbers, so that
	// nobody sees what was lost, and none are kept for replay.
	State string
	// Keep is how many messages can be asked for again, the newest; 10000.
	Keep int
	// KeepBytes bounds the bytes of them; 64 MiB.
	KeepBytes int

	// Format is how messages are sent; [Fedmsg1] if it is empty.
	Format Format
	// SigningKey is the file of a private key in PEM with which each message is signed: with Fedmsg1 an RSA key, embedded in
	// the old form; with Fedmsg2 any, over the exact bytes.
	SigningKey string
	// SigningCertificate is the file of its certificate in PEM; Fedmsg1 needs it.
	SigningCertificate string

	// TopicPrefix, Environment and Modname complete short topics, see [fedmsg.FullTopic]. Without TopicPrefix topics are used
	// as they are.
	TopicPrefix, Environment, Modname string
	// Username is what messages claim as their publisher; empty means $LOGNAME, $USER or the name of the user.
	Username string

	// ZMTP is for the connections. A [zmtp.CurveServer] as its Security encrypts them, and its key is announced.
	ZMTP zmtp.Options
}

// filled gives the options with their defaults, or tells what is wrong with them.
func (o PublisherOptions) filled() (PublisherOptions, error) {
	if err := checkName(o.Name); err != nil {
		return o, err
	}
	switch o.Format {
	case "":
		o.Format = Fedmsg1
	case Fedmsg1, Fedmsg2:
	default:
		return o, fedmsg.Errorf(fedmsg.CodeUsage, "a publisher sends as fedmsg1 or fedmsg2, not as %q", clip(string(o.Format)))
	}
	if o.Ports == "" {
		o.Ports = "3000-3099"
	}
	if _, _, err := portRange(o.Ports); err != nil {
		return o, err
	}
	if o.Host == "" || o.Host == "0.0.0.0" || o.Host == "::" {
		o.Host = "*"
	}
	if o.Advertise == "" {
		o.Advertise = o.Host
	}
	if o.Advertise == "*" {
		name, err := os.Hostname()
		if err != nil {
			return o, fedmsg.WrapError(fedmsg.CodeConfig, err, "this machine has no name to announce; say which one in Advertise")
		}
		o.Advertise = name
	}
	o.Keep = positive(o.Keep, 10_000)
	o.KeepBytes = positive(o.KeepBytes, 64<<20)
	o.ZMTP.SendLimit = positive(o.ZMTP.SendLimit, o.Keep) // what is dropped would be asked for
	if o.Username == "" {
		o.Username = compose.Username()
	}
	if o.SigningKey == "" && o.SigningCertificate != "" {
		return o, fedmsg.Errorf(fedmsg.CodeUsage, "there is a certificate to sign with, %s, and no key", o.SigningCertificate)
	}
	return o, nil
}

// portRange reads FIRST-LAST, or one port.
func portRange(text string) (first, last int, err error) {
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	a, errA := strconv.ParseUint(from, 10, 16)
	b, errB := strconv.ParseUint(to, 10, 16)
	if errA != nil || errB != nil || a > b || isRange && a == 0 {
		return 0, 0, fedmsg.Errorf(fedmsg.CodeUsage, "%q is no range of ports; write FIRST-LAST or one port", clip(text))
	}
	return int(a), int(b), nil
}

// bindFirst binds the first free port and gives the address that others connect to.
func (o *PublisherOptions) bindFirst(bind func(uri string) (bound string, err error)) (address string, err error) {
	first, last, err := portRange(o.Ports)
	if err != nil {
		return "", err
	}
	for port := first; port <= last; port++ {
		var bound string
		if bound, err = bind("tcp://" + net.JoinHostPort(o.Host, strconv.Itoa(port))); err == nil {
			return "tcp://" + net.JoinHostPort(o.Advertise, bound[strings.LastIndexByte(bound, ':')+1:]), nil
		}
	}
	return "", fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot bind any of the ports %s of %s; another range is needed, or a host that this machine has", o.Ports, o.Host)
}
