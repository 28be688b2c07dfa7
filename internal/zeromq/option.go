package zeromq

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// option sets one option of the query. Values are given in full because topics may stand several times.
func (e *endpoint) option(name string, values []string) (err error) {
	value := values[0]
	switch {
	case !slices.Contains(e.allowed(), name):
		return fmt.Errorf("option %q is not known; there are %s", name, strings.Join(e.allowed(), ", "))
	case name == "topics" && e.kind == subscribe:
		e.prefixes = split(values)
	case name == "topics":
		e.topics, err = patterns(values)
	case value == "":
		return fmt.Errorf("option %s is empty; leave it out", name)
	case name == "format":
		e.format, err = parseFormat(value)
		if e.kind == replay && e.format == formatFedpub1 {
			err = fmt.Errorf("answers have the format fedmsg1 or fedmsg2, not %q", value)
		}
	case name == "curve":
		if e.curve = value == "yes"; !e.curve {
			return fmt.Errorf("curve is yes or is left out, not %q", value)
		}
	case name == "verify":
		return e.verify.UnmarshalText([]byte(value))
	case name == "sender":
		e.sender = value
	case name == "name":
		e.name = value
	case name == "replay":
		e.replay, err = replayURI(value)
	case name == "server_key":
		e.serverKey, err = value, checkKey(value)
	case name == "mode":
		e.mode, err = parseMode(value)
	case name == "group":
		e.group = value
	}
	return err
}

// allowed lists the options of such an endpoint. What belongs to one publisher makes no sense for a list of many.
func (e *endpoint) allowed() []string {
	all := e.kind.options()
	switch {
	case e.kind == subscribe && (e.scheme == "file" || e.scheme == "srv"):
		return slices.DeleteFunc(all, func(name string) bool { return name == "name" || name == "replay" || name == "server_key" })
	case e.kind != subscribe && e.scheme == "ipc":
		return append(all, "mode", "group")
	}
	return all
}

// split gives what stands between commas.
func split(values []string) []string {
	var out []string
	for _, value := range values {
		for text := range strings.SplitSeq(value, ",") {
			if text = strings.TrimSpace(text); text != "" {
				out = append(out, text)
			}
		}
	}
	return out
}

// patterns reads a scope. One with nothing in it means nothing.
func patterns(values []string) ([]fedmsg.Pattern, error) {
	all := []fedmsg.Pattern{}
	for _, text := range split(values) {
		p, err := fedmsg.ParsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("topics: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// replayURI checks where a service answers for what was missed.
func replayURI(value string) (string, error) {
	u, err := url.Parse(value)
	if err != nil || u.RawQuery != "" || !(u.Scheme == "tcp" && u.Port() != "" || u.Scheme == "ipc" && u.Path != "") {
		return "", fmt.Errorf("replay %q is neither tcp://HOST:PORT nor ipc:///PATH; in a query it is escaped, as in replay=tcp%%3A%%2F%%2FHOST%%3APORT", value)
	}
	return value, nil
}

// checkKey holds that the text is a CURVE key in Z85. It does not show the text: somebody may have put a secret key there.
func checkKey(text string) error {
	if _, err := zmtp.ParseCurveKey(text); err != nil {
		return fmt.Errorf("server_key is not a CURVE key in Z85, 40 characters; in a query all but letters and digits of it are escaped, as in %%2B for +")
	}
	return nil
}
