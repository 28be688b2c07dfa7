package oldconfig

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// Machine is the one on which the result is to be used.
type Machine struct {
	Names []string                               // the host's names and addresses, by which endpoints mean this machine
	Stat  func(path string) (fs.FileMode, error) // tells whether files that the old configuration names can be used
}

// Result is what became of an old configuration.
type Result struct {
	TOML     string
	Warnings []string // what the operator has to know or do, each with file and line
	Keys     int      // keys of the old configuration
	Without  int      // those that have no successor, or only in part
}

// conversion is one import while it is made.
type conversion struct {
	old      *Old
	machine  Machine
	out      document
	top      *section
	without  []item // of the keys that have no successor: the reason, and where they are
	warnings []string

	own    string          // pattern of the topics of the new site
	scope  string          // pattern of the topics of the old site, mostly the same
	done   map[string]bool // keys that were dealt with
	placed map[string]bool // those of them that are dicts of which at least one element was
	ports  map[string]bool // on which the node publishes
	ways   []item          // names of the endpoints by which messages come in, for the rules
	trusts bool            // there is a root for what the old bus signed
}

// Convert makes a configuration that does what the old one did.
func Convert(old *Old, machine Machine) *Result {
	c := &conversion{old: old, machine: machine, done: map[string]bool{}, placed: map[string]bool{}, ports: map[string]bool{}}
	for _, f := range old.Files {
		for i := range f.Warnings {
			c.warnings = append(c.warnings, f.Warnings[i].Error())
		}
	}
	c.top = c.out.add("")
	c.say()
	c.topics()
	c.logLevel()
	c.signing()
	c.zeromq()
	c.trust()
	c.policy()
	c.rules()
	c.stomp()
	c.rest()
	return &Result{TOML: c.out.String() + c.withoutSuccessor(), Warnings: c.warnings, Keys: len(old.Config.Keys), Without: len(c.without)}
}

// say begins the file.
func (c *conversion) say() {
	c.top.say("Made by `fedmsg config import` of the old configuration in these files, of which a later one wins:")
	for _, f := range c.old.Files {
		c.top.say("  %s", f.Path)
	}
	c.top.say("Behind each value stands where it comes from; at the end is what has no place here. See docs/migrate.md.")
	c.top.lines = append(c.top.lines, "")
}

// warn tells the operator something about a key.
func (c *conversion) warn(at pyconf.Position, format string, args ...any) {
	text := ops.Printable(fmt.Sprintf(format, args...))
	if at.File != "" {
		text = ops.Printable(at.String()) + ": " + text
	}
	c.warnings = append(c.warnings, text)
}

// drop notes why a key, or a part of it, stands nowhere in the result.
func (c *conversion) drop(at pyconf.Position, format string, args ...any) {
	c.without = append(c.without, item{fmt.Sprintf(format, args...), at})
}

// dropped is drop with a warning.
func (c *conversion) dropped(at pyconf.Position, format string, args ...any) {
	c.drop(at, format, args...)
	c.warn(at, format, args...)
}

// value gives what a key was set to, and takes note that it was dealt with. None counts as not set.
func (c *conversion) value(key string) (pyconf.Value, pyconf.Position, bool) {
	again := c.done[key]
	c.done[key] = true
	v := c.old.Config.Values[key]
	at := c.old.at(key)
	if u, ok := v.(pyconf.Unknown); ok {
		if again {
			return nil, at, false
		}
		c.dropped(at, "%s is made by %s, which only Python can tell; set by hand what you need of it", key, u)
		return nil, at, false
	}
	return v, at, v != nil
}

// text gives a key that is text.
func (c *conversion) text(key string) (string, pyconf.Position, bool) {
	v, at, ok := c.value(key)
	s, isText := v.(string)
	if ok && !isText {
		c.dropped(at, "%s is not text, and was not taken over", key)
	}
	return s, at, ok && isText && s != ""
}

// truth gives a key that is true or false, in Python's way.
func (c *conversion) truth(key string) (bool, pyconf.Position) {
	v, at, ok := c.value(key)
	return ok && v != false && v != int64(0) && v != "", at
}

// table gives a key that is a dict; another is told of, and an empty one stands for it.
func (c *conversion) table(key string) *pyconf.Table {
	v, at, ok := c.value(key)
	if t, isTable := v.(*pyconf.Table); isTable {
		return t
	} else if ok {
		c.dropped(at, "%s is not a dict, and was not taken over", key)
	}
	return &pyconf.Table{}
}

// within gives the place of an element of a key that is a dict.
func (c *conversion) within(table, key string) pyconf.Position {
	if t, ok := c.old.Config.Values[table].(*pyconf.Table); ok {
		if _, set := t.Values[key]; set {
			c.placed[table] = true
		}
	}
	return c.old.within(table, key)
}

// texts gives the elements of a list of text, or the one that stands alone, without those that are empty. What is something else
// is told of under the name.
func (c *conversion) texts(name string, v pyconf.Value, at pyconf.Position) []string {
	var out []string
	switch v := v.(type) {
	case nil:
	case string:
		out = append(out, v)
	case []pyconf.Value:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				c.dropped(at, "%s has an element that is not text, which was not taken over", name)
				continue
			}
			out = append(out, s)
		}
	default:
		c.dropped(at, "%s is neither text nor a list, and was not taken over", name)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// topics sets prefix and environment, and the pattern of what the old site says.
func (c *conversion) topics() {
	prefix, at, ok := c.text("topic_prefix")
	if !ok {
		prefix, at = "org.fedoraproject", pyconf.Position{}
		c.top.say("The old default.")
	}
	if err := fedmsg.DefaultLimits().CheckTopic(prefix); err != nil {
		c.warn(at, "topic_prefix %q cannot begin topics (%s); org.example stands for it, set your own", prefix, err)
		prefix = "org.example"
	}
	c.top.set("topic_prefix", quote(prefix), at)
	old, at, ok := c.text("environment")
	if !ok {
		old, at = "dev", pyconf.Position{}
	}
	environment := old
	switch old {
	case "dev", "stg", "prod", "production":
	default:
		environment = "stg" // not dev, which lets everybody on the machine publish
		c.warn(at, "environment is one of dev, stg, prod and production, not %q; stg stands for it, set what you mean. Messages of old programs keep theirs", old)
	}
	c.top.set("environment", quote(environment), at)
	c.own = prefix + "." + environment + ".#"
	c.scope = c.own
	if _, err := fedmsg.ParsePattern(prefix + "." + old + ".#"); err == nil && fedmsg.DefaultLimits().CheckTopic(prefix+"."+old) == nil {
		c.scope = prefix + "." + old + ".#"
	}
}

// isHere reports whether an endpoint's host means this machine.
func (c *conversion) isHere(host string) bool {
	ip := net.ParseIP(host)
	return host == "*" || isLoopback(host) || ip != nil && ip.IsUnspecified() ||
		slices.ContainsFunc(c.machine.Names, func(name string) bool { return name != "" && strings.EqualFold(name, host) })
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// query writes an option of an endpoint.
func query(name, value string) string { return name + "=" + url.QueryEscape(value) }

// usable reports whether there is a file at the path.
func (c *conversion) usable(path string) bool {
	if c.machine.Stat == nil {
		return false
	}
	mode, err := c.machine.Stat(path)
	return err == nil && mode.IsRegular()
}
