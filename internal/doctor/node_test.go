package doctor

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

const readyAnswer = `{"status":"ready"}`

// TestNoNode holds that a node that does not answer is said first, and what files say is told all the same.
func TestNoNode(t *testing.T) {
	s := subject(t, "")
	r := Examine(t.Context(), *s, nodeTime)
	if r.Running || r.Status != ops.Failed || r.Findings[0].Check != "node" || r.Findings[0].Status != ops.Failed {
		t.Errorf("without a node: %+v", r)
	}
	want(t, r.Findings[:1], s.Node, ops.Failed, "no node answers: ", "the rest is what its files say", "fedmsg serve")
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Check == "disk" }) {
		t.Error("nothing is said of the disk")
	}
}

// TestPresence holds what is said of a node that takes no messages, and of one that is of another version.
func TestPresence(t *testing.T) {
	s := subject(t, "")
	n := s.serve(t, map[string]string{
		"/readyz": `{"error":{"code":"log_failed","message":"a write failed"}}`, "/v1/config": `{"version":"0","pid":7}`,
	})
	if !n.running {
		t.Fatal("it is not seen")
	}
	all := looked(t, n.presence)
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	want(t, all[:1], "s", ops.Failed, "a write failed")
	want(t, all[1:], "s", ops.Warning, "version 0", "systemctl restart")
}

// TestTokenIsRefused holds that a node which does not know the token is told of as such, and not as one that takes no messages.
func TestTokenIsRefused(t *testing.T) {
	s := subject(t, "")
	s.Token = "revoked"
	const refused = `{"error":{"code":"unauthenticated","message":"this token is not known here"}}`
	n := s.serve(t, map[string]string{"/readyz": refused, "/v1/config": refused, "/v1/sinks": refused})
	for _, look := range []func(context.Context) []Finding{n.presence, n.settings, n.sinks} {
		all := looked(t, look)
		if len(all) != 1 || all[0].Status == ops.OK || !strings.Contains(all[0].Cure, "FEDMSG_TOKEN") || strings.Contains(all[0].Text, "takes no messages") {
			t.Errorf("%+v", all)
		}
	}
}

// TestWhereNodeIsAsked holds that a node without an address of its own is asked where it listens, from here.
func TestWhereNodeIsAsked(t *testing.T) {
	for text, want := range map[string]string{
		"[http]\nlisten = [\"http://0.0.0.0:8940\", \"http://192.0.2.1:1\"]\nsocket = \"\"\n": "http://127.0.0.1:8940",
		"[http]\nlisten = [\"http://0.0.0.0:8940\"]\nsocket = \"unix:///run/x?mode=660\"\n":   "unix:///run/x",
		"[http]\nlisten = []\nsocket = \"/run/y\"\n":                                          "unix:///run/y",
		"[http]\nlisten = []\nsocket = \"\"\n":                                                "",
	} {
		if got := subject(t, text).listening(); got != want {
			t.Errorf("%s is asked at %q", text, got)
		}
	}
}

// TestRunningConfiguration compares the settings of a node with those of the files: a key that was changed since, one that a flag of
// the service sets, one that is new, and defaults, which depend on who asks.
func TestRunningConfiguration(t *testing.T) {
	s := subject(t, "environment = \"stg\"\ntopic_prefix = \"org.now\"\nlog_level = \"debug\"\n")
	then := s.Loaded.Settings()
	started := func(change func(*config.Setting)) string {
		changed := slices.Clone(then)
		for i := range changed {
			change(&changed[i])
		}
		b, err := json.Marshal(daemon.Started{Version: "1", Settings: changed})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	answers := map[string]string{"/readyz": readyAnswer, "/v1/config": started(func(*config.Setting) {})}
	n := s.serve(t, answers)
	want(t, looked(t, n.settings), "unix://", ops.OK, "with the configuration of the files")

	answers["/v1/config"] = started(func(c *config.Setting) {
		switch c.Key {
		case "environment":
			c.Value = "prod"
		case "topic_prefix":
			c.Value, c.Origin = "org.flag", "--topic-prefix"
		case "log_level":
			c.Key = "gone"
		case "feed.ring_bytes":
			c.Value = "1MiB"
		}
	})
	n.reach(t.Context())
	all := looked(t, n.settings)
	want(t, all, "environment", ops.Warning, `"prod"`, `"stg"`, "restart the node")
	want(t, all, "topic_prefix", ops.Warning, "nothing, where it is meant that --topic-prefix")
	want(t, all, "log_level", ops.Warning, "runs with not set")
	want(t, all, "gone", ops.Warning, "now it is not set")
	if len(all) != 4 {
		t.Errorf("a default is told of: %+v", all)
	}
}

// TestBrokenConfiguration holds that each fault is told, and beside it what the running node says and what could be read.
func TestBrokenConfiguration(t *testing.T) {
	s := subject(t, "environment = \"prud\"\n[[sink]]\nname = \"x\"\n")
	s.serve(t, map[string]string{"/readyz": readyAnswer, "/v1/sinks": `{"sinks":[]}`, "/v1/config": `{"version":"1","settings":[]}`})
	r := Examine(t.Context(), *s, nodeTime)
	faults, disk := 0, 0
	for _, f := range r.Findings {
		switch {
		case f.Check == "configuration" && f.Status == ops.Failed:
			faults++
		case f.Check == "disk":
			disk++
		}
	}
	if faults < 2 || disk != 1 || !r.Running {
		t.Errorf("%d faults are told: %+v", faults, r.Findings)
	}
}

// TestHealth holds that what the node says of itself comes with a cure, and that what others look at more closely is left to them.
func TestHealth(t *testing.T) {
	s := subject(t, "")
	n := s.serve(t, map[string]string{"/readyz": readyAnswer, "/healthz": `{"status":"failed","checks":[
		{"name":"log-write","status":"failed","text":"it failed"},{"name":"crl-site","status":"warning","text":"stale"},
		{"name":"tokens","status":"ok","text":"fine"},{"name":"new","status":"warning","text":"unheard of"},
		{"name":"sink rabbit","status":"warning","text":"away"},{"name":"insecure","status":"warning","text":"on"}]}`})
	all := looked(t, n.health)
	want(t, all, "log-write", ops.Failed, "restart the node")
	want(t, all, "crl-site", ops.Warning, "fedmsg keys ca crl")
	want(t, all, "tokens", ops.OK)
	want(t, all, "new", ops.Warning, "journalctl")
	if len(all) != 4 {
		t.Errorf("%+v", all)
	}
}

// TestDelivery tells of each state of a sink and a source, and of dead letters.
func TestDelivery(t *testing.T) {
	s := subject(t, "")
	n := s.serve(t, map[string]string{"/readyz": readyAnswer,
		"/v1/sinks": `{"sinks":[{"name":"a","to":"amqp://a","state":"stopped","lag":7,"dead":20000,"last_error":"too many dead letters"},
			{"name":"b","to":"b","state":"waiting","last_error":"refused"},{"name":"c","to":"c","state":"paused"},
			{"name":"d","to":"d","state":"running","lag":9,"lag_seconds":301},{"name":"e","to":"e","state":"running","lag":9,"lag_seconds":10}]}`,
		"/v1/sources": `{"sources":[{"name":"f","from":"f","connected":true,"held_back":true,"last_error":"full"},
			{"name":"g","from":"g","last_error":"no route"},{"name":"h","from":"h","connected":true,"dead":1}]}`,
		"/v1/dead": `{"dead":[{"of":"a","kind":"sink"},{"of":"old","kind":"source","left":true}]}`,
	})
	sinks := looked(t, n.sinks)
	want(t, sinks, "a (amqp://a)", ops.Failed, "too many dead letters", "fedmsg dead retry --all sink/a", "fedmsg sink resume a")
	want(t, sinks, "b (", ops.Warning, "refused", "nothing is lost")
	want(t, sinks, "c (", ops.Warning, "fedmsg sink resume c")
	want(t, sinks, "d (", ops.Warning, "5m1s", "in_flight")
	want(t, sinks, "e (", ops.OK)
	sources := looked(t, n.sources)
	want(t, sources, "f (", ops.Warning, "full")
	want(t, sources, "g (", ops.Warning, "no route")
	want(t, sources, "h (", ops.OK)
	dead := looked(t, n.dead)
	want(t, dead, "sink/a", ops.Warning, "20000 dead letters", "fedmsg dead list")
	want(t, dead, "source/h", ops.Warning, "1 dead letter waits")
	want(t, dead, "source/old (not configured any more)", ops.Warning, "wait for a decision")
}
