package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestDeliveryFaults shows what the user reads who mistypes a sink or a source.
func TestDeliveryFaults(t *testing.T) {
	sink := "[[sink]]\nname = 'rabbit'\ntopics = ['#']\n"
	source := "[[source]]\nname = 'umb'\ntopics = ['#']\n"
	for _, c := range []struct{ name, text, want string }{
		{"no destination", sink, `2:1: sink 1 (rabbit): to says where it delivers, or command what it starts; one of them must be set`},
		{"two destinations", sink + "to = 'amqp://mq'\ncommand = ['/bin/true']\n", `4:1: sink 1 (rabbit): to and command are both set; a sink has one of them`},
		{"no name", "[[sink]]\nto = 'nats://mq'\ntopics = ['#']\n", `2:1: sink 1: name must be set, to at most 64 letters, digits, - and _`},
		{"a name that is a path", "[[sink]]\nname = '../x'\nto = 'nats://127.0.0.1'\ntopics = ['#']\n", `2:1: sink 1 (../x): name must be set, to at most 64 letters, digits, - and _`},
		{"no topics", "[[sink]]\nname = 'rabbit'\nto = 'nats://127.0.0.1'\n", `2:1: sink 1 (rabbit): topics says what it may have, and must be set; ["#"] is everything`},
		{"no such kind", sink + "to = 'kafka://mq'\n", `4:1: sink 1 (rabbit): to begins with none of amqp://, amqps://, stomp://, stomp+tls://, nats://, nats+tls://, https://, http:// and unix://`},
		{"no scheme", sink + "to = 'mq.example.org'\n", `4:1: sink 1 (rabbit): to begins with none of amqp://, amqps://, stomp://, stomp+tls://, nats://, nats+tls://, https://, http:// and unix://`},
		{"relative file", sink + "to = 'nats://127.0.0.1'\ncredentials = 'secret'\n", `5:1: sink 1 (rabbit): credentials is an absolute path, not "secret"`},
		{"half a certificate", sink + "to = 'nats+tls://mq'\ncertificate = '/c.pem'\n", `5:1: sink 1 (rabbit): certificate and key go together; one of them is not set`},
		{"a start that is none", sink + "to = 'nats://127.0.0.1'\nstart = 'yesterday'\n", `5:1: sink 1 (rabbit): start is "now", "beginning" or a position that the node printed, not "yesterday"`},
		{"one name for two", sink + "to = 'nats://127.0.0.1'\n" + sink + "to = 'nats://127.0.0.1'\n", `6:1: sink 2 (rabbit): is the name of sink 1 too; files, metrics and commands tell them apart by it`},
		{"a key of the other", sink + "from = 'nats://127.0.0.1'\n", `4:1: unknown key "sink.from"; did you mean source.from?`},
		{"a source from nowhere", source, `2:1: source 1 (umb): from is missing; it says where the messages come from, as in amqps://user@broker.example.org/`},
		{"a source of no kind", source + "from = 'kafka://mq'\n", `4:1: source 1 (umb): from begins with none of poll+https://, poll+exec:, poll+postgres://, poll+sqlite://, lmtp+unix://, lmtp://, smtp://, maildir://, amqp://, amqps://, stomp://, stomp+tls://, nats://, nats+tls://, https://, http:// and unix://`},
		{"a path for an address", source + "from = '/var/mail/box'\n", `4:1: source 1 (umb): from begins with none of poll+https://, poll+exec:, poll+postgres://, poll+sqlite://, lmtp+unix://, lmtp://, smtp://, maildir://, amqp://, amqps://, stomp://, stomp+tls://, nats://, nats+tls://, https://, http:// and unix://; did you mean maildir:///var/mail/box?`},
		{"mails that nobody signs", source + "from = 'maildir:///var/mail/box'\n", `4:1: source 1 (umb): mails have no signature, which verify = "require" asks for; write sign = true, so that this node signs what it makes of them`},
		{"rows that nobody signs", source + "from = 'poll+exec:'\n[source.poll]\ncommand = ['/bin/true']\nkey = ['a']\ntopic = 'rows'\n", `4:1: source 1 (umb): rows have no signature, which verify = "require" asks for; write sign = true, so that this node signs what it makes of them`},
		{"mails that a node is to sign that signs nothing", "sign = []\n" + source + "from = 'maildir:///var/mail/box'\nsign = true\n", `5:1: source 1 (umb): mails have no signature, which verify = "require" asks for, and this node signs nothing; have it sign, with sign = ["dsse"] at the top of the file, or write verify = "if-signed" here`},
		{"topics that no mail has", "[[source]]\nname = 'umb'\ntopics = ['org.debian.dev.debmessenger.#']\nsign = true\nfrom = 'smtp://127.0.0.1:25?recipients=@a'\n",
			`3:1: source 1 (umb): topics has none that a mail becomes: those begin with org.example.dev.debmessenger., so that all of it would be refused; write topics = ["org.example.dev.debmessenger.#"]`},
		{"one name for two sources", source + "from = 'unix:///a'\n" + source + "from = 'unix:///a'\n", `6:1: source 2 (umb): is the name of source 1 too; files, metrics and commands tell them apart by it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write(t, "fedmsg.toml", c.text)
			_, err := load(t, file)
			if err == nil {
				t.Fatal("taken")
			}
			if diff := cmp.Diff(file+":"+c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
			if fedmsg.CodeOf(err) != fedmsg.CodeConfig {
				t.Errorf("code %s", fedmsg.CodeOf(err))
			}
		})
	}
}

// TestDeliverySecretsStayHidden: a password in an address is refused, and the refusal does not repeat it.
func TestDeliverySecretsStayHidden(t *testing.T) {
	for _, address := range []string{"amqp://me:geheim@mq", "stomp+tls://me:geheim@mq", "nats://me:geheim@mq", "https://me:geheim@node"} {
		for _, text := range []string{
			"[[sink]]\nname = 'a'\ntopics = ['#']\nto = '" + address + "'\n",
			"[[source]]\nname = 'a'\ntopics = ['#']\nfrom = '" + address + "'\n",
		} {
			_, err := load(t, write(t, "fedmsg.toml", text))
			if err == nil || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
}

// TestDeliveryKinds makes one of each kind, by its address or command.
func TestDeliveryKinds(t *testing.T) {
	for _, address := range []string{
		"amqp://127.0.0.1", "amqps://me@mq", "stomp://127.0.0.1", "stomp+tls://mq", "nats://127.0.0.1", "nats+tls://mq", "https://node", "http://127.0.0.1:8940", "unix:///run/fedmsg.sock",
	} {
		l := mustLoad(t, write(t, "fedmsg.toml", "[[sink]]\nname = 'a'\ntopics = ['a.#']\nto = '"+address+"'\nmax_age = '1h'\nhold = true\n"))
		want := deliver.Config{Name: "a", To: address, Topics: l.Config.Sink[0].Topics, MaxAge: 3600e9, Hold: true}
		if diff := cmp.Diff([]deliver.Config{want}, l.Config.Sink, cmp.Comparer(func(a, b fedmsg.Pattern) bool { return a.String() == b.String() })); diff != "" {
			t.Errorf("%s: %s", address, diff)
		}
	}
	l := mustLoad(t, write(t, "fedmsg.toml", "[[sink]]\nname = 'a'\ntopics = ['a.#']\ncommand = ['/bin/true', 'x y']\n"))
	if c := l.Config.Sink[0].Command; len(c) != 2 || c[1] != "x y" {
		t.Errorf("%q", c)
	}
}

// TestAllFaults: whoever corrects a configuration is told of everything in it at once, each where it stands.
func TestAllFaults(t *testing.T) {
	file := write(t, "fedmsg.toml", `environment = "prd"
[[source]]
name = "box"
topics = ["#"]
from = "maildir://box?evry=1s&done=delete&size=big"
dead_letters = -1

[[source]]
name = "rows"
topics = ["#"]
sign = true
credentials = "secret"
from = "poll+exec://"
[source.poll]
every = "1ms"
topic = "Bad Topic"
query = "SELECT 1"

[feed]
ring_byte = 1

[spool]
interval = "soon"

[log]
max_age = "long"
segment_bytes = 1

[[sink]]
name = "s"
to = "nats://127.0.0.1"
topic = ["#"]

[limits]
body = 1
`)
	_, err := load(t, file)
	if err == nil {
		t.Fatal("taken")
	}
	var got []string
	for line := range strings.SplitSeq(strings.ReplaceAll(err.Error(), file+":", ""), "\n") {
		got = append(got, strings.Join(strings.Fields(line)[:min(7, len(strings.Fields(line)))], " "))
	}
	want := []string{
		"the configuration has 20 faults:",
		`20:1: unknown key "feed.ring_byte"; did you mean`,
		`23:1: spool.interval is a time, as in`,
		`26:1: log.max_age is a time, as in`,
		`32:1: unknown key "sink.topic"; did you mean`,
		`1:1: environment is one of dev, stg,`,
		`35:1: limits.body is from 2 to 268435456,`,
		`6:1: source 1 (box): dead_letters is below`,
		`5:1: source 1 (box): mails have no`,
		`5:1: source 1 (box): "maildir://box?…" has the`,
		`5:1: source 1 (box): size is a`,
		`5:1: source 1 (box): done is one`,
		`5:1: source 1 (box): maildir://box is no`,
		`12:1: source 2 (rows): credentials is an`,
		`15:1: source 2 (rows): poll.every is at`,
		`15:1: source 2 (rows): poll.key is missing;`,
		`13:1: source 2 (rows): from of a`,
		`15:1: source 2 (rows): poll.command is missing;`,
		`12:1: source 2 (rows): credentials, ca, certificate`,
		`17:1: source 2 (rows): poll.query is not`,
		`16:1: source 2 (rows): poll.topic gives the`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff, "\n", err)
	}
}

// TestMissingPrograms: a program that is not there is no reason for a node not to serve. A client is told nothing of it.
func TestMissingPrograms(t *testing.T) {
	file := write(t, "fedmsg.toml", "[[sink]]\nname = 'a'\ntopics = ['#']\ncommand = ['/nonexistent/program']\n"+
		"[[source]]\nname = 'b'\ntopics = ['#']\nsign = true\nfrom = 'poll+exec:'\n[source.poll]\ncommand = ['rows --all']\nkey = ['a']\ntopic = 'rows'\n")
	l := mustLoad(t, file)
	want := []string{
		`sink 1 (a) does nothing until its program is there: cannot start "/nonexistent/program": there is no such program that this user may run`,
		`source 1 (b) does nothing until its program is there: cannot start "rows --all": there is no such program that this user may run; program and arguments are elements of their own, and no shell reads them`,
	}
	if diff := cmp.Diff(want, l.Warnings); diff != "" {
		t.Error(diff)
	}
	client, err := Load(Source{File: file, UID: 1, Exists: func(string) bool { return false }, Client: true})
	if err != nil || len(client.Warnings) > 0 {
		t.Errorf("a client: %q, %v", client.Warnings, err)
	}
}

// TestClientJudgesNoSinks: who only talks to a node may not be able to start its programs.
func TestClientJudgesNoSinks(t *testing.T) {
	file := write(t, "fedmsg.toml", "[[sink]]\nname = 'a'\ntopics = ['#']\nto = 'kafka://mq'\n")
	if _, err := Load(Source{File: file, UID: 1, Exists: func(string) bool { return false }}); err == nil {
		t.Error("a node takes it")
	}
	l, err := Load(Source{File: file, UID: 1, Exists: func(string) bool { return false }, Client: true})
	if err != nil || len(l.Config.Sink) != 1 {
		t.Errorf("a client: %v", err)
	}
}

// TestInsecureDelivery: what is insecure about sinks and sources shows in the list for the health report.
func TestInsecureDelivery(t *testing.T) {
	c := Config{Verify: fedmsg.VerifyRequire, Sink: []deliver.Config{{Name: "a", To: "amqp://mq?insecure_plain=yes&mandatory=yes"}, {Name: "b", To: "amqp://mq?insecure_plain=no"}}}
	if diff := cmp.Diff([]string{"sink a insecure_plain=yes"}, c.Insecure()); diff != "" {
		t.Error(diff)
	}
}
