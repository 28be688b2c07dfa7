package oldconfig

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

var update = flag.Bool("update", false, "write what the samples become into testdata")

// gateway is the machine for which the samples are read.
func gateway(files map[string]fs.FileMode) Machine {
	return Machine{Names: []string{"busgateway01", "192.0.2.7"}, Stat: func(path string) (fs.FileMode, error) {
		mode, ok := files[path]
		if !ok {
			return 0, fs.ErrNotExist
		}
		return mode, nil
	}}
}

// converted reads one file with this text and converts it.
func converted(t *testing.T, src string, machine Machine) *Result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "base.py")
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	old, err := Read(t.Context(), []string{file}, pyconf.Host{Name: "busgateway01"})
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return Convert(old, machine)
}

// load reads the result as a node does.
func load(t *testing.T, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fedmsg.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := config.Load(config.Source{File: file})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return &l.Config
}

// TestSamples holds, word for word, what becomes of configurations in the shape of those that were deployed. Run it with -update to
// write them anew, and read the difference.
func TestSamples(t *testing.T) {
	for _, sample := range []string{"sample", "fedora", "debian", "hub"} {
		t.Run(sample, func(t *testing.T) {
			old, err := Read(t.Context(), []string{"testdata/" + sample}, pyconf.Host{Name: "busgateway01", FQDN: "busgateway01.dc.example.org"})
			if err != nil {
				t.Fatal(err)
			}
			r := Convert(old, gateway(nil))
			load(t, r.TOML)
			got := r.TOML + "\n# Told on standard error:\n"
			for _, w := range r.Warnings {
				got += "# " + w + "\n"
			}
			if strings.Contains(got, "canary") {
				t.Error("a secret was copied")
			}
			want := "testdata/" + sample + ".toml"
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEveryOldKey holds that each key of the old bus stands in the result or is named there with what does its work: none is lost,
// and none passes for a key of somebody's program.
func TestEveryOldKey(t *testing.T) {
	spec, err := os.ReadFile(fedmsgtest.Shared(t, "interop", "SPEC.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(spec), "## 12. Configuration")
	section, _, _ = strings.Cut(section, "## 13.")
	keys := oldKeys(section)
	if len(keys) < 60 {
		t.Fatalf("the table has %d keys", len(keys))
	}
	for _, key := range keys {
		r := converted(t, fmt.Sprintf("config = {%q: 'x-1.y'}\n", key), gateway(nil))
		load(t, r.TOML)
		all := r.TOML + strings.Join(r.Warnings, "\n")
		if !strings.Contains(all, key) && !strings.Contains(r.TOML, "base.py:1\n") {
			t.Errorf("%s is lost:\n%s", key, all)
		}
		if strings.Contains(all, "not a key of the bus") {
			t.Errorf("%s passes for a key of a program", key)
		}
	}
	if r := converted(t, "config = {'mine.secret': 'hunter4-canary'}\n", gateway(nil)); !strings.Contains(r.TOML, "mine.secret: not a key of the bus") || strings.Contains(r.TOML, "canary") {
		t.Error(r.TOML)
	}
}

// oldKeys reads the first column of the table, in which one row can stand for several keys: a / b, a, b, a[_b,_c], a.{b,c}.d.
func oldKeys(section string) []string {
	var keys []string
	for line := range strings.Lines(section) {
		cell, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if !ok || !strings.HasPrefix(line, "| ") || cell == "key" {
			continue
		}
		if before, rest, ok := strings.Cut(cell, "{"); ok { // fedmsg.consumers.{dummy,relay}.enabled, more
			names, rest, _ := strings.Cut(rest, "}")
			after, others, _ := strings.Cut(rest, ", ")
			for name := range strings.SplitSeq(names, ",") {
				keys = append(keys, before+name+after)
			}
			cell = others
		}
		if before, rest, ok := strings.Cut(cell, "["); ok {
			keys = append(keys, before)
			for end := range strings.SplitSeq(strings.TrimSuffix(rest, "]"), ",") {
				keys = append(keys, before+end)
			}
			continue
		}
		for key := range strings.FieldsFuncSeq(cell, func(r rune) bool { return r == ',' || r == '/' || r == ' ' }) {
			switch {
			case strings.HasPrefix(key, "."):
				key = "fedmsg.consumers.gateway" + key
			case strings.HasPrefix(key, "*"):
				key = "ca_cert" + strings.TrimPrefix(key, "*")
			case strings.HasSuffix(key, "*"):
				for _, end := range []string{"uri", "user", "pass", "ssl_crt", "ssl_key", "heartbeat", "queue"} {
					keys = append(keys, strings.TrimSuffix(key, "*")+end)
				}
				continue
			}
			keys = append(keys, key)
		}
	}
	return keys
}

// TestNodeOfTheRelay holds what the machine of the relay opens, and that another one only listens to it.
func TestNodeOfTheRelay(t *testing.T) {
	const src = `config = dict(
  topic_prefix='org.example', environment='prod',
  endpoints={'relay_outbound': ['tcp://192.0.2.7:4001', 'tcp://192.0.2.7:4002'], 'a.b': 'tcp://*:3000', 'again': ['tcp://127.0.0.1:4001'],
             'bad': ['ipc:///x', 'tcp://a:0', 7, 'tcp://a&name=b:1'], 'other': 'tcp://app02:3000'},
  relay_inbound='tcp://busgateway01:2003',
  replay_endpoints={'a.b': 'tcp://*:3100', 'relay_outbound': ['tcp://192.0.2.7:4101']},
)`
	here := load(t, converted(t, src, gateway(nil)).TOML)
	if diff := cmp.Diff([]string{"tcp://127.0.0.1:9940", "tcp://*:4001?format=fedmsg1&topics=org.example.prod.%23"}, here.ZeroMQ.Publish); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"tcp://127.0.0.1:3000?name=a.b&replay=tcp%3A%2F%2F127.0.0.1%3A3100", "tcp://app02:3000?name=other"}, here.ZeroMQ.Subscribe); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"tcp://busgateway01:2003?sender=relay_inbound"}, here.ZeroMQ.RelayIn); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"tcp://*:4101?topics=org.example.prod.%23"}, here.ZeroMQ.Replay); diff != "" || here.ZeroMQ.SeqID != "relay_outbound" {
		t.Error(diff, here.ZeroMQ.SeqID)
	}
	there := load(t, converted(t, src, Machine{Names: []string{"app02"}}).TOML)
	if got := strings.Join(there.ZeroMQ.Subscribe, "\n"); !strings.HasPrefix(got, "tcp://192.0.2.7:4001?name=relay_outbound") || len(there.ZeroMQ.RelayIn) > 0 || strings.Contains(strings.Join(there.ZeroMQ.Publish, " "), "*") {
		t.Errorf("%v %v %s", there.ZeroMQ.Publish, there.ZeroMQ.RelayIn, got)
	}
}

// TestTrust holds whose signatures count and who may hand in, by what the old bus validated and which files are there.
func TestTrust(t *testing.T) {
	const start = "config = dict(topic_prefix='org.example', environment='prod', endpoints={'a': 'tcp://x:1'}, relay_inbound='tcp://127.0.0.1:2003',"
	files := map[string]fs.FileMode{
		"/pki/ca.crt": 0o644, "/pki/crl.pem": 0o644, "/pki/relay.crt": 0o644, "/pki/relay.key": 0o600, "/pki/open.crt": 0o644, "/pki/open.key": 0o640, exported: 0o644,
	}
	const x509 = "ca_cert_location='/pki/ca.crt', crl_location='/pki/crl.pem', ssldir='/pki',"
	cases := []struct{ name, src, roots, rules, signs string }{
		{"validates", "validate_signatures=True," + x509, "old-bus", "signer old-bus", "dsse"},
		{"validates, and the relay signs", "validate_signatures=True, certnames={'signing_relay': 'relay'}," + x509, "old-bus", "signer old-bus, zeromq relay_inbound", "dsse"},
		{"does not validate", "validate_signatures=False," + x509, "old-bus", "signer old-bus, zeromq relay_inbound, zeromq a", "dsse"},
		{"says nothing", "", "", "zeromq relay_inbound, zeromq a", "dsse"},
		{"no list", "validate_signatures=True, ca_cert_location='/pki/ca.crt', crl_location=None,", "old-bus", "signer old-bus", "dsse"},
		{"no file", "validate_signatures=True, ca_cert_location='/pki/none.crt', crl_location='/pki/crl.pem',", "", "", "dsse"},
		{"from the web", "validate_signatures=True,", "", "", "dsse"},
		{"OpenPGP alone", "validate_signatures=True, crypto_backend='gpg', gpg_home='/g',", "old-bus-gpg", "signer old-bus-gpg", "dsse"},
		{"both", "validate_signatures=True, crypto_validate_backends=['gpg', 'x509']," + x509, "old-bus, old-bus-gpg", "signer old-bus, signer old-bus-gpg", "dsse"},
		{"signs", "sign_messages=True, certnames={'shell.busgateway01': 'relay'}," + x509, "old-bus", "signer old-bus, zeromq relay_inbound, zeromq a", "x509 dsse"},
		{"others may read the key", "sign_messages=True, certnames={'signing_relay': 'open'}, validate_signatures=True," + x509, "old-bus", "signer old-bus, zeromq relay_inbound", "dsse"},
		{"no certificate", "sign_messages=True, validate_signatures=True," + x509, "old-bus", "signer old-bus", "dsse"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := converted(t, start+c.src+")", gateway(files))
			cfg := load(t, r.TOML)
			var roots, rules, signs []string
			for _, root := range cfg.Trust {
				roots = append(roots, root.Name)
				if len(root.Topics) != 1 || root.Topics[0].String() != "org.example.prod.#" || !root.Legacy {
					t.Errorf("root %+v", root)
				}
			}
			for _, p := range cfg.Publisher {
				rules = append(rules, strings.TrimSpace(map[bool]string{true: "signer " + p.Signer, false: "zeromq " + p.ZeroMQ}[p.Signer != ""]))
			}
			for _, form := range cfg.Sign {
				signs = append(signs, string(form))
			}
			byKind := func(list []string) string { // signers first
				var a, b []string
				for _, s := range list {
					if strings.HasPrefix(s, "signer") {
						a = append(a, s)
					} else {
						b = append(b, s)
					}
				}
				if len(a) == 2 && strings.HasSuffix(a[0], "gpg") {
					a[0], a[1] = a[1], a[0]
				}
				return strings.Join(append(a, b...), ", ")
			}
			if got := strings.Join(roots, ", "); got != c.roots {
				t.Errorf("roots %s, want %s", got, c.roots)
			}
			if got := byKind(rules); got != c.rules {
				t.Errorf("rules %s, want %s", got, c.rules)
			}
			if got := strings.Join(signs, " "); got != c.signs {
				t.Errorf("signs %s, want %s", got, c.signs)
			}
			if cfg.Verify != fedmsg.VerifyRequire || len(cfg.Insecure()) > 0 {
				t.Errorf("verify %s, %v", cfg.Verify, cfg.Insecure())
			}
		})
	}
}

// TestSTOMP holds that a broker becomes a source only where nobody on the way reads along, and that its password is nowhere.
func TestSTOMP(t *testing.T) {
	cases := []struct{ name, src, from, credentials string }{
		{"here", "stomp_uri='localhost:61613', stomp_queue='/queue/x',", "stomp://localhost:61613/?destination=%2Fqueue%2Fx", ""},
		{"there", "stomp_uri='mq.example.org:61613', stomp_queue='/queue/x',", "", ""},
		{"there with TLS", "stomp_uri='mq.example.org:61612', stomp_queue='/queue/x', stomp_ssl_crt='/c', stomp_ssl_key='/k', stomp_pass='hunter5-canary',", "stomp+tls://mq.example.org:61612/?destination=%2Fqueue%2Fx", stompSecret},
		{"no queue", "stomp_uri='localhost:61613',", "", ""},
		{"relative", "stomp_uri='localhost:61613', stomp_queue='/queue/x', stomp_ssl_crt='c', stomp_ssl_key='/k',", "", ""},
		{"no address", "stomp_uri='user:hunter5-canary@mq:61613', stomp_queue='/queue/x',", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := converted(t, "config = dict("+c.src+")", gateway(nil))
			from, credentials := "", ""
			for _, s := range load(t, r.TOML).Source {
				from, credentials = s.From, s.Credentials
			}
			if from != c.from || credentials != c.credentials {
				t.Errorf("a source from %q with %q, want %q with %q", from, credentials, c.from, c.credentials)
			}
			if text := r.TOML + strings.Join(r.Warnings, ""); strings.Contains(text, "canary") || from == "" && !strings.Contains(text, "stomp_uri") && !strings.Contains(text, "commented out") {
				t.Error(text)
			}
		})
	}
}

// TestHostileValues holds that whatever stands in an old configuration the result is a configuration, opens nothing that it should
// not, and no text gets out of its place.
func TestHostileValues(t *testing.T) {
	nasty := []string{
		`'a"\nverify = "insecure-off"\n#'`, `'https://x/\ny = 1'`, `'x\n[http]\ninsecure_plain_http = true\n'`, `'a#b'`, `'tcp://x:1?verify=insecure-off'`, `'tcp://a\nb:1'`,
		`'\x1b[2J\u202e'`, `''`, `'\\'`, `'%23&verify=insecure-off'`, `'x' * 60000`, `['a', 7, None, ['b'], {'c': 'd'}, '"']`, `{'a"b\n': ['c"\n'], '': 1, '*': {'x': 2}}`,
		`{'a&verify=insecure-off': 'tcp://x:1', 'b#': ['tcp://y:2', 'tcp://z:3'], 'relay_outbound': '"'}`, `7`, `-1.5`, `10**2 if False else True`, `None`, `False`, `lambda: 1`, `(1, 2)`,
	}
	keys := []string{
		"topic_prefix", "environment", "endpoints", "srv_endpoints", "relay_inbound", "replay_endpoints", "fedmsg.consumers.gateway.port", "sign_messages",
		"validate_signatures", "crypto_backend", "crypto_validate_backends", "ssldir", "certnames", "ca_cert_location", "crl_location", "routing_policy",
		"routing_nitpicky", "gpg_home", "logging", "zmq_enabled", "stomp_uri", "stomp_queue", "stomp_user", "stomp_ssl_crt", "stomp_ssl_key", "x\ny = 1",
	}
	for _, value := range nasty {
		value = strings.Replace(value, "10**2 if False else ", "", 1)
		for _, key := range append(keys, "") {
			src := fmt.Sprintf("config = {'stomp_uri': 'localhost:61613', 'stomp_queue': '/queue/x', 'sign_messages': True, 'validate_signatures': True, 'certnames': {'signing_relay': 'x'}}\nfor k in [%s]:\n  config[k] = %s\n", strings.Join(quoted(keys), ", "), value)
			if key != "" {
				src = fmt.Sprintf("config = {'endpoints': {'a': 'tcp://x:1'}, %q: %s}\n", key, value)
			}
			r := converted(t, src, Machine{Names: []string{"h"}, Stat: func(string) (fs.FileMode, error) { return 0o600, nil }})
			var tree map[string]any
			if err := toml.Unmarshal([]byte(r.TOML), &tree); err != nil {
				t.Fatalf("%v\n%s\n%s", err, src, r.TOML)
			}
			cfg := load(t, r.TOML)
			if len(cfg.Insecure()) > 0 || cfg.HTTP.InsecurePlainHTTP {
				t.Errorf("%v\n%s", cfg.Insecure(), src)
			}
			if text := r.TOML + strings.Join(r.Warnings, "\n"); regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x{202e}]`).MatchString(text) {
				t.Errorf("what is not printable got out\n%s", src)
			}
			if _, has := tree["y"]; has {
				t.Error("a key got out of a comment")
			}
		}
	}
}

func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = fmt.Sprintf("%q", w)
	}
	return out
}

// TestReadFaults holds that all files that are not understood are named at once, and what is no place of files.
func TestReadFaults(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.py": "config = {\n'a' 1}", "b.py": "x = 1", "c.py": "config = {'x': 1}", ".d.py": "(", "e.txt": "("} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Read(t.Context(), []string{dir}, pyconf.Host{})
	want := "2 files of the old configuration are not understood:\n" + dir + "/a.py:2: not understood: got int literal, want ':'\n" + dir + "/b.py: it makes no dict that is called config"
	if e, ok := errors.AsType[*fedmsg.Error](err); !ok || e.Message != want || e.Code != fedmsg.CodeConfig {
		t.Errorf("got %v, want %s", err, want)
	}
	for place, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file or directory", t.TempDir(): "there is no *.py in", "/dev/null": "is not a regular file",
	} {
		if _, err := Read(t.Context(), []string{place}, pyconf.Host{}); err == nil || !strings.Contains(err.Error(), want) || fedmsg.CodeOf(err) != fedmsg.CodeUsage {
			t.Errorf("%s: %v, want %s", place, err, want)
		}
	}
	old, err := Read(t.Context(), []string{filepath.Join(dir, "c.py"), filepath.Join(dir, "c.py")}, pyconf.Host{})
	if err != nil || len(old.Files) != 2 {
		t.Error(old, err)
	}
}
