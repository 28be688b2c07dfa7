package zeromq

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestEndpoint: what the URIs of the keys mean.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	key := zmtp.NewCurvePair().Public.String()
	for _, c := range []struct {
		kind kind
		uri  string
		want string // a summary, see below
	}{
		{publish, "tcp://127.0.0.1:9940", "tcp://127.0.0.1:9940 loopback fedmsg2 [#]"},
		{publish, "tcp://localhost:9940?format=fedmsg1", "tcp://localhost:9940 loopback fedmsg1 [#]"},
		{publish, "tcp://[::1]:0?format=fedpub1&topics=a.b", "tcp://[::1]:0 loopback fedpub1 [a.b]"},
		{publish, "tcp://*:9940", "tcp://*:9940 fedmsg2 []"},
		{publish, "tcp://0.0.0.0:9940?topics=%23", "tcp://0.0.0.0:9940 fedmsg2 [#]"},
		{publish, "tcp://*:1?topics=a,b.*&topics=c", "tcp://*:1 fedmsg2 [a b.* c]"},
		{publish, "tcp://*:1?curve=yes", "tcp://*:1 fedmsg2 [] curve"},
		{publish, "tcp://127.0.0.1:1?curve=yes", "tcp://127.0.0.1:1 loopback fedmsg2 [] curve"},
		{publish, "tcp://127.0.0.1:1?topics=", "tcp://127.0.0.1:1 loopback fedmsg2 []"},
		{publish, "ipc:///run/x.sock?mode=0600&group=adm", "ipc:///run/x.sock loopback fedmsg2 [#] 600 adm"},
		{submit, "ipc:///run/x.sock?verify=if-signed", "ipc:///run/x.sock loopback [#] verify=if-signed"},
		{relayIn, "tcp://127.0.0.1:2003?sender=old&verify=insecure-off", "tcp://127.0.0.1:2003 loopback [#] verify=insecure-off sender=old"},
		{replay, "tcp://*:1?topics=a.%23", "tcp://*:1 [a.#]"},
		{subscribe, "file:///etc/fedmsg/endpoints?verify=require&topics=a.,b", "file:///etc/fedmsg/endpoints loopback [#] verify=require prefixes=[a. b]"},
		{subscribe, "srv:example.org", "srv:example.org []"},
		{subscribe, "tcp://h.example.org:3000?name=x.h&replay=tcp%3A%2F%2Fh%3A1&server_key=" + url.QueryEscape(key), "tcp://h.example.org:3000 [] name=x.h replay=tcp://h:1 key"},
	} {
		e, err := parseEndpoint(c.kind, c.uri)
		if err != nil {
			t.Errorf("%s: %v", c.uri, err)
			continue
		}
		if got := summary(e); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.uri, got, c.want)
		}
		if e.serverKey != "" && e.serverKey != key {
			t.Errorf("the key is %s and should be %s", e.serverKey, key)
		}
	}
}

// summary says in short what an endpoint is.
func summary(e *endpoint) string {
	words := []string{e.address}
	add := func(on bool, format string, args ...any) {
		if on {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(e.loopback, "loopback")
	add(e.kind == publish, "%s", e.format)
	add(true, "%v", e.topics)
	add(e.curve, "curve")
	add(e.mode != 0o660, "%o", e.mode)
	add(e.group != "", "%s", e.group)
	add(e.verify != "", "verify=%s", e.verify)
	add(e.sender != "", "sender=%s", e.sender)
	add(e.name != "", "name=%s", e.name)
	add(e.replay != "", "replay=%s", e.replay)
	add(e.serverKey != "", "key")
	add(e.prefixes != nil, "prefixes=%v", e.prefixes)
	return strings.Join(words, " ")
}

// TestEndpointFaults: whatever is not meant as it stands is refused, with what to write.
func TestEndpointFaults(t *testing.T) {
	t.Parallel()
	long := "ipc:///" + strings.Repeat("x", 107)
	for _, c := range []struct {
		kind      kind
		uri, want string
	}{
		{publish, "9940", "starts neither with tcp:// nor with ipc:///"},
		{publish, "http://127.0.0.1:9940", "starts neither with tcp:// nor with ipc:///"},
		{publish, "tcp://127.0.0.1", "is not of the form tcp://HOST:PORT"},
		{publish, "tcp://:9940", "is not of the form tcp://HOST:PORT"},
		{publish, "tcp://127.0.0.1:9940/x", "is not of the form tcp://HOST:PORT"},
		{publish, "tcp://u@127.0.0.1:9940", "who may come is said in [[zeromq_client]]"},
		{publish, "tcp://127.0.0.1:9940?topics=#", "a # in a query as %23"},
		{publish, "tcp://127.0.0.1:9940?topics=a.", "ends with a dot"},
		{publish, "tcp://127.0.0.1:9940?format=fedmsg3", "one of fedmsg1, fedpub1 and fedmsg2"},
		{publish, "tcp://127.0.0.1:9940?format=fedmsg1&format=fedmsg2", "has format twice"},
		{publish, "tcp://127.0.0.1:9940?verify=require", `"verify" is not known; there are format, topics, curve`},
		{publish, "tcp://127.0.0.1:9940?mode=0600", `"mode" is not known`},
		{publish, "tcp://127.0.0.1:9940?curve=no", "curve is yes or is left out"},
		{publish, "tcp://127.0.0.1:9940?%zz", "query that is not well formed"},
		{publish, "ipc://relative.sock", "plain absolute path"},
		{publish, "ipc:///a/../b", "plain absolute path"},
		{publish, "ipc://@name", "who may come is said"},
		{publish, long, "a socket's path has at most 107"},
		{publish, "file:///x", "starts neither with"},
		{submit, "ipc:///x?mode=8", "octal"},
		{submit, "ipc:///x?mode=0", "octal"},
		{submit, "ipc:///x?topics=a", "there are verify, curve, mode, group"},
		{submit, "ipc:///x?verify=off", "require, if-signed and insecure-off"},
		{relayIn, "tcp://127.0.0.1:1?sender=", "sender is empty"},
		{subscribe, "tcp://*:1", "cannot be connected to"},
		{subscribe, "tcp://h:0", "cannot be connected to"},
		{subscribe, "srv:", "srv:DOMAIN"},
		{subscribe, "srv:a/b", "srv:DOMAIN"},
		{subscribe, "srv:example.org?name=x", `"name" is not known`},
		{subscribe, "file:///x?replay=tcp://h:1", `"replay" is not known`},
		{subscribe, "tcp://h:1?replay=h", "neither tcp://HOST:PORT nor ipc:///PATH"},
		{subscribe, "tcp://h:1?server_key=abc", "not a CURVE key in Z85"},
		{subscribe, "tcp://h:1?curve=yes", `"curve" is not known`},
		{subscribe, "gopher://h:1", "none of file:///, srv:, tcp:// and ipc:///"},
	} {
		_, err := parseEndpoint(c.kind, c.uri)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v does not say %q", c.kind, c.uri, err, c.want)
		}
	}
}

// TestConfigFaults: all faults are told at once, each with its key.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.Publish, c.Replay, c.Subscribe, c.Submit, c.RelayIn = []string{"x"}, []string{"x"}, []string{"x"}, []string{"x"}, []string{"x"}
	c.MaxPeers, c.MaxRequests, c.ChunkBytes, c.Heartbeat, c.SeqID, c.Resolver = 0, -1, 0, 0, "a b", "host"
	err := c.Validate()
	for _, key := range []string{
		"publish:", "replay:", "subscribe:", "submit:", "relay_in:", "max_peers ", "max_requests ", "chunk_bytes ", "heartbeat ", "seq_id ", "resolver ",
	} {
		if err == nil || !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return strings.HasPrefix(line, "zeromq."+key) }) {
			t.Errorf("%v does not name zeromq.%s", err, key)
		}
	}
	if fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("the code is %s", fedmsg.CodeOf(err))
	}
}

// TestInsecure: endpoints that look at no signature are listed.
func TestInsecure(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	c.RelayIn = []string{"tcp://127.0.0.1:2003?verify=insecure-off", "tcp://127.0.0.1:2004?verify=if-signed"}
	c.Subscribe = []string{"srv:example.org?verify=insecure-off"}
	want := []string{"zeromq.relay_in tcp://127.0.0.1:2003 verify=insecure-off", "zeromq.subscribe srv:example.org verify=insecure-off"}
	if got := c.Insecure(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestClientFaults: clients that cannot be told apart are refused, and no key is shown.
func TestClientFaults(t *testing.T) {
	t.Parallel()
	a, b := zmtp.NewCurvePair(), zmtp.NewCurvePair()
	for _, c := range []struct {
		all  []Client
		want string
	}{
		{[]Client{{Name: "a", Key: a.Public.String()}, {Name: "b", Key: b.Public.String()}}, ""},
		{[]Client{{Key: a.Public.String()}}, "1 has no name"},
		{[]Client{{Name: "a", Key: a.Public.String()}, {Name: "a", Key: b.Public.String()}}, `2 has the name "a" of another one`},
		{[]Client{{Name: "a", Key: a.Public.String()}, {Name: "b", Key: a.Public.String()}}, "2 (b) has the key of a"},
		{[]Client{{Name: "a", Key: "secret"}}, "1 (a) has a key that is not"},
		{[]Client{{Name: "a"}}, "1 (a) has a key that is not"},
	} {
		err := ValidateClients(c.all)
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), a.Public.String()) {
			t.Errorf("%v does not say %q, or too much", err, c.want)
		}
	}
}
