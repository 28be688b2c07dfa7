package ingest

import (
	"errors"
	"strconv"

	"github.com/federated-messaging/fedmsg"
)

// Publisher is one rule, [[publisher]]: who may publish on which topics. Exactly one of the first seven names the who.
type Publisher struct {
	UID         string           `number:"yes"` // a user: a uid, in a file also as a number, or a user's name
	Group       string           // the members of a group, by its name
	Token       string           // the bearer of a token, by its name; beside what the token was made for
	Certificate string           // the holder of a TLS client certificate, by the name in it
	Curve       string           // the holder of a CURVE key, by the name of its [[zeromq_client]]
	ZeroMQ      string           `toml:"zeromq"` // whatever comes by the ZeroMQ socket or service of this name; it says on which way, not who sent it
	Signer      string           // whoever hands in what a verified signer signed: all of a trust root, ROOT, or one, ROOT/NAME
	Topics      []fedmsg.Pattern // what it may publish on
}

// defaultGroup is the group whose members may publish where no rule says otherwise.
const defaultGroup = "fedmsg"

// who gives the key that names the who, its value, and how many such keys are set.
func (p *Publisher) who() (key, value string, n int) {
	for _, k := range [...][2]string{
		{"uid", p.UID}, {"group", p.Group}, {"token", p.Token}, {"certificate", p.Certificate},
		{"curve", p.Curve}, {"zeromq", p.ZeroMQ}, {"signer", p.Signer},
	} {
		if k[1] != "" {
			key, value = k[0], k[1]
			n++
		}
	}
	return key, value, n
}

func (p *Publisher) validate(number int) error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "publisher %d "+format, append([]any{number}, args...)...))
	}
	if _, _, n := p.who(); n != 1 {
		fault("has %d of the keys uid, group, token, certificate, curve, zeromq and signer; exactly one says who may publish", n)
	}
	if len(p.Topics) == 0 {
		fault(`has no topics, so it may publish nothing; topics = ["#"] is everything`)
	}
	return errors.Join(faults...)
}

// rules gives the rules that hold: those of the configuration, and the defaults of which none of them speaks.
func (c *Config) rules() []Publisher {
	own := strconv.Itoa(c.UID)
	all := []fedmsg.Pattern{fedmsg.MatchAll()}
	rules := append([]Publisher(nil), c.Publishers...)
	for _, d := range []Publisher{{UID: "0", Topics: all}, {UID: own, Topics: all}, {Group: defaultGroup, Topics: all}} {
		if !c.speaksOf(d) {
			rules = append(rules, d)
		}
	}
	return rules
}

// speaksOf reports whether a rule of the configuration names the same user or group as the default d.
func (c *Config) speaksOf(d Publisher) bool {
	name := ""
	if d.UID != "" {
		name = c.Accounts(d.UID).Name
	}
	for i := range c.Publishers {
		p := &c.Publishers[i]
		if p.Group == d.Group && p.Group != "" || p.UID != "" && (p.UID == d.UID || p.UID == name) {
			return true
		}
	}
	return false
}
