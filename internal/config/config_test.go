package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// write makes a configuration directory of files given as name, text, name, text and so on; the first is the one file.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// load reads one file and an environment as a user without any other.
func load(t *testing.T, file string, environ ...string) (*Loaded, error) {
	t.Helper()
	return Load(Source{File: file, Environ: append([]string{"HOME=/home/u"}, environ...), UID: 1000, Exists: func(string) bool { return false }})
}

func mustLoad(t *testing.T, file string, environ ...string) *Loaded {
	t.Helper()
	l, err := load(t, file, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestFaults shows every kind of fault with the exact words that the user reads.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "topic_prefx = 'org.x'", `1:1: unknown key "topic_prefx"; did you mean topic_prefix?`},
		{"unknown key in a table", "[log]\n\nmax_byte = 1", `3:1: unknown key "log.max_byte"; did you mean log.max_bytes?`},
		{"key of another table", "max_age = '1d'", `1:1: unknown key "max_age"; did you mean log.max_age?`},
		{"key like no other", "qqqqqqqqqqqqqqqqqq = 1", `1:1: unknown key "qqqqqqqqqqqqqqqqqq"`},
		{"unknown table", "[logg]\nmax_age = '1d'", `1:2: unknown table "logg"; did you mean log?`},
		{"unknown dotted key", "log.max_agee = '1d'", `1:5: unknown key "log.max_agee"; did you mean log.max_age?`},
		{"number for a string", "topic_prefix = 5", `1:1: topic_prefix is a string, not the integer 5`},
		{"number for a time", "log.max_age = 30", `1:5: log.max_age is a time, as in "30s", "1h30m" or "30d", not the integer 30`},
		{"bad time", "log.max_age = '30 days'", `1:5: log.max_age is a time, as in "30s", "1h30m" or "30d", not "30 days"`},
		{"negative time", "log.max_age = '-1s'", `1:5: log.max_age is a time, as in "30s", "1h30m" or "30d", not "-1s"`},
		{"bad size", "log.max_bytes = '10G'", `1:5: log.max_bytes is a size, as in 1048576 or "1MiB", not "10G"`},
		{"bool for a size", "log.max_bytes = true", `1:5: log.max_bytes is a size, as in 1048576 or "1MiB", not the bool true`},
		{"string for a number", "limits.depth = '64'", `1:8: limits.depth is a whole number, not the string "64"`},
		{"fraction for a number", "limits.depth = 6.5", `1:8: limits.depth is a whole number, not the number 6.5`},
		{"string for a list", "http.listen = 'http://127.0.0.1:1'", `1:6: http.listen is a list, as in ["a", "b"], not the string "http://127.0.0.1:1"`},
		{"number in a list", "http.listen = ['http://127.0.0.1:1', 5]", `1:6: http.listen has element 2, which is a string, not the integer 5`},
		{"string for a switch", "http.insecure_plain_http = 'yes'", `1:6: http.insecure_plain_http is true or false, not the string "yes"`},
		{"bad level", "log_level = 'loud'", `1:1: log_level is refused: slog: level string "loud": unknown name`},
		{"value for a table", "log = 5", `1:1: log is a table; write [log]`},
		{"table for a value", "[topic_prefix]", `1:2: topic_prefix is one value, not a table; write topic_prefix = … without brackets`},
		{"list of a table", "[[log]]", `1:3: log is one table; write [log]`},
		{"table of a list", "[publisher]", `1:2: publisher is a list of tables; write [[publisher]]`},
		{"value for a list of tables", "publisher = 5", `1:1: publisher is a list of tables; write [[publisher]]`},
		{"twice", "log_level = 'info'\nlog_level = 'info'", `2:1: not TOML: toml: key log_level is already defined`},
		{"not TOML", "a = = 1", `1:5: not TOML: toml: unexpected character U+003D '=' at start of value`},
		{"no sense", "environment = 'test'", `1:1: environment is one of dev, stg, prod and production, not "test"`},
		{"no sense in an edge", "[http]\nlisten = ['ftp://x']", `2:1: http.listen: "ftp://x" does not start with http:// or https://`},
		{"long socket path", "http.socket = '/" + strings.Repeat("x", 107) + "'", `1:6: http.socket has a path of 108 bytes and a socket's path has at most 107; set a shorter one: /` + strings.Repeat("x", 107)},
		{"no sense in a table", "[log]\nqueue_bytes = 5", `2:1: log.queue_bytes is at least 64KiB, not 5`},
		{"two keys at odds", "limits.envelope = 1000", `1:8: limits.envelope is 1000, less than limits.body = 1048576, which stands in it`},
		{"a key at odds with a default", "limits.body = 2000000", `1:8: limits.envelope is 1441792, less than limits.body = 2000000, which stands in it`},
		{"an envelope that fits into no request", "limits.envelope = '5MiB'", `1:8: limits.envelope is 5242880, which signed and in base64 is up to 7056044, more than http.max_body_bytes = 4194304, in which it has to fit; make that larger or this smaller`},
		{"an envelope that fits into no request when it is signed", "limits.envelope = '3MiB'", `1:8: limits.envelope is 3145728, which signed and in base64 is up to 4259840, more than http.max_body_bytes = 4194304, in which it has to fit; make that larger or this smaller`},
		{"a request that takes no envelope", "http.max_body_bytes = 1000000", `1:6: limits.envelope is 1441792, which signed and in base64 is up to 1987928, more than http.max_body_bytes = 1000000, in which it has to fit; make that larger or this smaller`},
		{"negative number for a user", "[[publisher]]\nuid = -1", `2:1: publisher.uid is a name or a whole number from 0, not the integer -1`},
		{"number for a group", "[[publisher]]\ngroup = 5", `2:1: publisher.group is a string, not the integer 5`},
		{"bad topic pattern", "[[publisher]]\nuid = 'root'\ntopics = ['a.', '#']", `3:1: publisher.topics has element 1, which is refused: pattern "a." ends with a dot; if a # is missing behind it, write it as %23 in a URL, or ask for prefix=a.`},
		{"list of tables that makes no sense", "[[publisher]]\nuid = 'a'\ntopics = ['#']\n[[publisher]]\nuid = 'b'", `5:1: publisher 2 has no topics, so it may publish nothing; topics = ["#"] is everything`},
		{"verification of no kind", "verify = 'off'", `1:1: verify is refused: verification is one of require, if-signed and insecure-off, not "off"`},
		{"verification of no kind at an endpoint", "http.listen = ['http://127.0.0.1:1?verify=off']", `1:6: http.listen: "http://127.0.0.1:1?verify=off": verification is one of require, if-signed and insecure-off, not "off"`},
		{"unknown form", "sign = ['dsse', 'pgp']", `1:1: sign has element 2, which is dsse or x509, not "pgp"`},
		{"a form twice", "sign = ['dsse', 'dsse']", `1:1: sign has dsse twice`},
		{"old form without a key", "sign = ['x509', 'dsse']", `1:1: sign has x509, which needs signing.x509_key and signing.x509_certificate`},
		{"relative path", "[signing]\nkey = 'node.pem'", `2:1: signing.key is an absolute path, not "node.pem"`},
		{"name that no signer has", "[signing]\nname = 'a/b'", `2:1: signing.name is 1 to 64 letters, digits, dots, dashes and underscores, not "a/b"`},
		{"relative trust file", "trust_file = 'trust.toml'", `1:1: trust_file is an absolute path, not "trust.toml"`},
		{"relative path of a root", "[[trust]]\nname = 'a'\nkeys = ['a.pem']\ntopics = ['#']", `2:1: trust 1 names the file "a.pem", which must be an absolute path; only in a trust_file it may be relative`},
		{"one name for two", "[signing]\nname = 'a'\n[[trust]]\nname = 'a'\nca = '/a.pem'\ntopics = ['#']", `2:1: signing.name is "a", which is the name of a [[trust]] too; signers are told apart by it`},
		{"a root of no kind", "[[trust]]\nname = 'a'\nkeys = ['/a.pem']\ntopics = ['#']\n[[trust]]\nname = 'b'\ntopics = ['#']", `6:1: trust 2 has 0 of the keys ca, keyring and keys; exactly one says whom it trusts`},
		{"no sense in verification", "[verification]\non_stale_crl = 'ignore'", `2:1: verification.on_stale_crl is refuse or accept, not "ignore"`},
		{"no date", "[[trust]]\nnot_after = 'soon'", `2:1: trust.not_after is a date, as in "2026-01-31", or a time with its zone, as in "2026-01-31T12:00:00Z", not the string "soon"`},
		{"time without a zone", "[[trust]]\nnot_after = 2026-01-31T12:00:00", `2:1: trust.not_after is a date, as in "2026-01-31", or a time with its zone, as in "2026-01-31T12:00:00Z", not the date or time 2026-01-31T12:00:00`},
		{"number for a time of day", "[[trust]]\nnot_after = 2026", `2:1: trust.not_after is a date, as in "2026-01-31", or a time with its zone, as in "2026-01-31T12:00:00Z", not the integer 2026`},
		{"topic of a policy without quotes", "[policy.topics]\norg.a.b = ['x']", `2:1: policy.topics has one key for each topic, in quotes, as in "org.example.prod.wiki.page.edit" = ["wiki01.example.org"]`},
		{"topic of a policy as a table", "[policy.topics.'org.a.b']", `1:16: policy.topics has one key for each topic, in quotes, as in "org.example.prod.wiki.page.edit" = ["wiki01.example.org"]`},
		{"topic of a policy that is no list", "[policy.topics]\n'org.a.b' = 'x'", `2:1: policy.topics."org.a.b" is a list, as in ["a", "b"], not the string "x"`},
		{"policy of another name", "[policy.topic]", `1:9: unknown table "policy.topic"; did you mean policy.topics?`},
		{"topics of a policy as a value", "policy.topics = ['a']", `1:8: policy.topics is a table; write [policy.topics]`},
		{"unknown key of a root", "[[trust]]\nkeyrings = 'x'", `2:1: unknown key "trust.keyrings"; did you mean trust.keyring?`},
		{"unknown key of a list", "[[publisher]]\nuidd = 'root'", `2:1: unknown key "publisher.uidd"; did you mean publisher.uid?`},
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
			if got := fedmsg.CodeOf(err); got != fedmsg.CodeConfig || got.ExitStatus() != 78 {
				t.Errorf("code %s", got)
			}
		})
	}
}

// TestNumberForUser: a uid is a number to people, and may be written as one.
func TestNumberForUser(t *testing.T) {
	l := mustLoad(t, write(t, "fedmsg.toml", "[[publisher]]\nuid = 1000\ntopics = ['#']\n[[publisher]]\nuid = 1_001\ntopics = ['#']\n[[publisher]]\nuid = 'joe'\ntopics = ['#']\n"))
	if p := l.Config.Publisher; len(p) != 3 || p[0].UID != "1000" || p[1].UID != "1001" || p[2].UID != "joe" {
		t.Errorf("%+v", p)
	}
}

// TestFaultsOfAllSources tells all that is wrong at once: in the file, beside it and in the environment.
func TestFaultsOfAllSources(t *testing.T) {
	file := write(t, "fedmsg.toml", "x1 = 1\nlog.max_age = 5\n", "conf.d/a.toml", "[nope]\n", "conf.d/b.toml", "=")
	_, err := load(t, file, "FEDMSG_LOG_MAX_BYTES=much")
	if err == nil {
		t.Fatal("taken")
	}
	for i, want := range []string{
		"the configuration has 5 faults:", file + ":1:1: ", file + ":2:5: ", "a.toml:1:2: ", "b.toml:1:1: ",
		`FEDMSG_LOG_MAX_BYTES: log.max_bytes is a size, as in 1048576 or "1MiB", not "much"`,
	} {
		line := strings.Split(err.Error(), "\n")[i]
		if !strings.Contains(line, want) {
			t.Errorf("line %d is %q, want %q in it", i, line, want)
		}
	}
}

func TestFileThatIsNamedMustExist(t *testing.T) {
	_, err := load(t, "/nonexistent/fedmsg.toml")
	if want := "/nonexistent/fedmsg.toml: cannot read the configuration: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := load(t, ""); err != nil {
		t.Errorf("the default one need not exist: %v", err)
	}
}

// TestLayers has every layer win over the one before it, and each value knows where it comes from.
func TestLayers(t *testing.T) {
	file := write(t,
		"fedmsg.toml", "topic_prefix = 'org.one'\nenvironment = 'stg'\n[log]\nmax_age = '1d12h'\nmax_bytes = '1 TiB'\n[[publisher]]\nuid = '1'\ntopics = ['a.#']\n",
		"conf.d/10.toml", "environment = 'prod'\nlog.max_bytes = 1_000_000_000\n[[publisher]]\ntoken = 't'\ntopics = ['b']\n",
		"conf.d/20.toml", "log = {queue_bytes = '1MiB'}\npublisher = [{group = 'adm', topics = ['c', 'd']}]\n",
		"conf.d/ignored.conf", "= no TOML",
	)
	l, err := Load(Source{
		Environ: []string{"FEDMSG_CONFIG=" + file, "FEDMSG_LOG_QUEUE_BYTES=2MiB", "FEDMSG_HTTP_LISTEN=http://127.0.0.1:1, http://127.0.0.1:2", "FEDMSG_LIMITS_DEPTH=10"},
		Flags:   []Flag{{"--topic-prefix", "topic_prefix", []string{"org.flag"}}, {"--listen", "http.listen", []string{"http://127.0.0.1:3"}}},
		UID:     1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range l.Settings() {
		if s.Origin != "default" {
			got[s.Key] = tomlValue(s.Value) + " " + strings.ReplaceAll(s.Origin, filepath.Dir(file)+"/", "")
		}
	}
	want := map[string]string{
		"topic_prefix": `"org.flag" --topic-prefix`, "environment": `"prod" conf.d/10.toml:1`,
		"log.max_age": `"36h" fedmsg.toml:4`, "log.max_bytes": `1000000000 conf.d/10.toml:2`, "log.queue_bytes": `"2MiB" FEDMSG_LOG_QUEUE_BYTES`,
		"http.listen": `["http://127.0.0.1:3"] --listen`, "limits.depth": `10 FEDMSG_LIMITS_DEPTH`,
		"publisher[0].uid": `"1" fedmsg.toml:7`, "publisher[0].topics": `["a.#"] fedmsg.toml:8`,
		"publisher[1].token": `"t" conf.d/10.toml:4`, "publisher[1].topics": `["b"] conf.d/10.toml:5`,
		"publisher[2].group": `"adm" conf.d/20.toml:2`, "publisher[2].topics": `["c", "d"] conf.d/20.toml:2`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := l.Config; c.TopicPrefix != "org.flag" || c.Log.MaxAge != 36*time.Hour || c.Log.QueueBytes != 2<<20 || len(c.Publisher) != 3 {
		t.Errorf("%+v", c)
	}
}

func TestEnvironmentWarnings(t *testing.T) {
	l := mustLoad(t, "", "FEDMSG_HTTP_LISTN=x", "FEDMSG_TEST_REQUIRE=all", "FEDMSG_NODE=unix:///x", "OTHER=1")
	want := []string{"environment variable FEDMSG_HTTP_LISTN sets nothing; did you mean FEDMSG_HTTP_LISTEN?"}
	if diff := cmp.Diff(want, l.Warnings); diff != "" {
		t.Error(diff)
	}
	if l.Config.Node != "unix:///x" {
		t.Errorf("node is %q", l.Config.Node)
	}
}

// TestShowLoads has a shown configuration load to the same one.
func TestShowLoads(t *testing.T) {
	first := mustLoad(t, write(t, "fedmsg.toml", "state = '/s\"\\\\\\u0007 é'\n[log]\nmax_bytes = '20GiB'\n[http]\nlisten = []\n[[publisher]]\nuid = '0'\ntopics = ['#']\n[[publisher]]\ntoken = 'x'\ntopics = ['a.*', 'b']\n"))
	var shown strings.Builder
	if err := first.WriteTOML(&shown); err != nil {
		t.Fatal(err)
	}
	second := mustLoad(t, write(t, "fedmsg.toml", shown.String()))
	if diff := cmp.Diff(first.Config, second.Config, cmp.Comparer(func(a, b fedmsg.Pattern) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("%s\n%s", diff, shown.String())
	}
}

func TestSecretsAreHidden(t *testing.T) {
	l := mustLoad(t, "", "FEDMSG_NODE=https://me:geheim@example.org/")
	var b strings.Builder
	if err := l.WriteTOML(&b); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "geheim") || !strings.Contains(b.String(), "https://me:hidden@example.org/") {
		t.Error(b.String())
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "512": 512, "64KiB": 64 << 10, "10 GiB": 10 << 30, "1.5GB": 15e8, "3B": 3, "7EB": -1, "": -1, "-1": -1, "1e3": -1, "9999999TiB": -1, "Inf": -1} {
		got, err := parseSize(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("size %q is %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "2w": 336 * time.Hour, "1w1d1h": 193 * time.Hour, "1d12h": 36 * time.Hour, "250ms": 250 * time.Millisecond, "0s": 0, "d": -1, "": -1, "1h1d": -1, "99999999999d": -1, "4000000000w": -1} {
		got, err := parseDuration(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("time %q is %s, want %s", text, got, want)
		}
		if err == nil {
			if again, err := parseDuration(formatDuration(got)); err != nil || again != got {
				t.Errorf("%s is written %s, which is %s %v", got, formatDuration(got), again, err)
			}
		}
	}
}

func TestPaths(t *testing.T) {
	user := map[string]string{"HOME": "/home/u"}
	session := map[string]string{"HOME": "/home/u", "XDG_RUNTIME_DIR": "/run/user/7", "XDG_STATE_HOME": "/st", "XDG_CONFIG_HOME": "/cf"}
	unit := map[string]string{"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "RUNTIME_DIRECTORY": "/run/a:/run/b"}
	relative := map[string]string{"HOME": "/home/u", "XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "st", "XDG_CONFIG_HOME": "cf"}
	for _, c := range []struct {
		name                        string
		env                         map[string]string
		uid                         int
		there                       string
		state, socket, spool, confd string
	}{
		{"root", nil, 0, "/var/spool/fedmsg", "/var/lib/fedmsg", "/run/fedmsg/fedmsg.sock", "/var/spool/fedmsg", "/etc/fedmsg/fedmsg.toml"},
		{"user", user, 7, "", "/home/u/.local/state/fedmsg", "/home/u/.local/state/fedmsg/fedmsg.sock", "/home/u/.local/state/fedmsg/spool", "/home/u/.config/fedmsg/fedmsg.toml"},
		{"session", session, 7, "", "/st/fedmsg", "/run/user/7/fedmsg.sock", "/st/fedmsg/spool", "/cf/fedmsg/fedmsg.toml"},
		{"unit", unit, 7, "/var/spool/fedmsg", "/var/lib/a", "/run/a/fedmsg.sock", "/var/spool/fedmsg", "/.config/fedmsg/fedmsg.toml"},
		{"unit of a user", map[string]string{"HOME": "/home/u", "STATE_DIRECTORY": "/var/lib/a"}, 7, "", "/var/lib/a", "/home/u/.local/state/fedmsg/fedmsg.sock", "/home/u/.local/state/fedmsg/spool", "/home/u/.config/fedmsg/fedmsg.toml"},
		{"relative directories are ignored", relative, 7, "/etc/fedmsg/fedmsg.toml", "/home/u/.local/state/fedmsg", "/home/u/.local/state/fedmsg/fedmsg.sock", "/home/u/.local/state/fedmsg/spool", "/etc/fedmsg/fedmsg.toml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := System{Getenv: func(k string) string { return c.env[k] }, UID: c.uid, Exists: func(p string) bool { return p == c.there }}
			got := []string{StateDir(s), SocketPath(s), SpoolDir(s), ConfigPath(s)}
			if diff := cmp.Diff([]string{c.state, c.socket, c.spool, c.confd}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNamedFiles: what lies in the state directory is in a copy of it already.
func TestNamedFiles(t *testing.T) {
	t.Parallel()
	c := Config{State: "/s", TrustFile: "/s/../t.toml"}
	c.Signing.Key, c.Signing.Certificate = "/s/keys/own.pem", "/state/own.crt"
	c.HTTP.Listen = []string{"http://127.0.0.1:1", "https://[::]:2?cert=/e/c&key=/e/k&client_ca=/e/ca"}
	c.Trust = []trust.Root{{CA: "/e/ca", CRL: "/e/crl", Keyring: "/e/ring", Keys: []string{"/e/1", "/e/2"}}}
	c.Archive.PasswordFile = "/e/password"
	want := []string{"/e/1", "/e/2", "/e/c", "/e/ca", "/e/crl", "/e/k", "/e/password", "/e/ring", "/s/../t.toml", "/state/own.crt"}
	if diff := cmp.Diff(want, c.FilesBeside()); diff != "" {
		t.Error(diff)
	}
}

// TestSpoolOfSecondNode: a node beside the user's usual one takes no message of that; a user's only node does, wherever its state is.
func TestSpoolOfSecondNode(t *testing.T) {
	t.Parallel()
	const usual, users, machines = "/home/u/.local/state/fedmsg/log", "/home/u/.local/state/fedmsg/spool", "/var/spool/fedmsg"
	lab := []Flag{{"--state", "state", []string{"/lab"}}}
	for _, c := range []struct {
		name, file string
		exist      []string
		set        []Flag
		spool, own string
	}{
		{"nothing set", "", []string{usual}, nil, users, users},
		{"only node", "", nil, lab, users, users},
		{"only node of a machine", "", []string{machines}, lab, machines, users},
		{"second node", "", []string{usual}, lab, "/lab/spool", ""},
		{"second node by a file", "/nowhere/lab.toml", []string{usual}, nil, "/lab/spool", ""},
		{"second node beside the machine's", "", []string{usual, machines}, lab, "/lab/spool", ""},
		{"the usual state set", "", []string{usual}, []Flag{{"--state", "state", []string{"/home/u/.local/state/fedmsg/"}}}, users, users},
		{"both set", "", []string{usual}, append(lab, Flag{"--spool", "spool.directory", []string{"/s"}}), "/s", ""},
	} {
		file := c.file
		if file != "" {
			file = write(t, "lab.toml", "state = '/lab'\n")
		}
		l, err := Load(Source{File: file, Environ: []string{"HOME=/home/u"}, UID: 7, Exists: func(path string) bool { return slices.Contains(c.exist, path) }, Flags: c.set})
		own := l.UserSpool(func(key string) string { return map[string]string{"HOME": "/home/u"}[key] })
		if err != nil || l.Config.Spool.Directory != c.spool || own != c.own {
			t.Errorf("%s: %q, and beside it %q, %v", c.name, l.Config.Spool.Directory, own, err)
		}
	}
	moved := write(t, "fedmsg/fedmsg.toml", "state = '/srv/bus'\n")
	l, err := Load(Source{Environ: []string{"HOME=/home/u", "XDG_CONFIG_HOME=" + filepath.Dir(filepath.Dir(moved))}, UID: 7, Exists: func(path string) bool { return path == usual || path == moved }})
	if err != nil || l.Config.State != "/srv/bus" || l.Config.Spool.Directory != users {
		t.Errorf("the usual node whose state was moved has the spool %q, %v", l.Config.Spool.Directory, err)
	}
}

// TestOnlyFlagsWrongIsUsage: a bad value on the command line is the caller's slip, not a fault of the configuration.
func TestOnlyFlagsWrongIsUsage(t *testing.T) {
	good, bad := write(t, "fedmsg.toml", "environment = 'prod'\n"), write(t, "fedmsg.toml", "environment = 'x'\n")
	cases := []struct {
		name, file string
		flags      []Flag
		want       fedmsg.Code
	}{
		{"a value that cannot be read", good, []Flag{{"--listen", "http.listen", []string{"http://127.0.0.1:0"}}, {"--spool-interval", "spool.interval", []string{"soon"}}}, fedmsg.CodeUsage},
		{"a value that makes no sense", good, []Flag{{"--environment", "environment", []string{"x"}}}, fedmsg.CodeUsage},
		{"two of them", good, []Flag{{"--environment", "environment", []string{"x"}}, {"--state", "state", []string{"here"}}}, fedmsg.CodeUsage},
		{"the file", bad, []Flag{{"--state", "state", []string{"/here"}}}, fedmsg.CodeConfig},
		{"flag and file", bad, []Flag{{"--state", "state", []string{"here"}}}, fedmsg.CodeConfig},
	}
	for _, c := range cases {
		_, err := Load(Source{File: c.file, Flags: c.flags, Exists: func(string) bool { return false }})
		if got := fedmsg.CodeOf(err); got != c.want {
			t.Errorf("%s: %v (%s), want %s", c.name, err, got, c.want)
		}
	}
}
