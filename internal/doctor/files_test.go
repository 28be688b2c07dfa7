package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/place"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// TestRoom judges file systems, with a log that may grow by 10 GiB and segments of 1 GiB.
func TestRoom(t *testing.T) {
	const gib = 1 << 30
	for name, c := range map[string]struct {
		room   room
		status ops.Status
	}{
		"roomy":            {room{0, 50 * gib, 100 * gib, 900, 1000}, ops.OK},
		"less than grows":  {room{0, 9 * gib, 100 * gib, 900, 1000}, ops.Warning},
		"less than a part": {room{0, gib / 2, 100 * gib, 900, 1000}, ops.Failed},
		"small disk":       {room{0, 3 * gib, 4 * gib, 900, 1000}, ops.Warning},
		"few inodes":       {room{0, 50 * gib, 100 * gib, 5, 1000}, ops.Failed},
		"no inodes at all": {room{0, 50 * gib, 100 * gib, 0, 0}, ops.OK},
	} {
		want(t, []Finding{ofRoom(name, c.room, 10*gib, gib)}, name, c.status)
	}
	for most, bytes := range map[string]uint64{"1MiB": 1 << 20, "900TiB": 900 << 40} {
		s := subject(t, "[log]\nmax_bytes = \""+most+"\"\n")
		if s.Fault != nil || s.mayGrow() != bytes {
			t.Errorf("a log of at most %s may grow by %d, %v", most, s.mayGrow(), s.Fault)
		}
	}
	if all := looked(t, subject(t, "").disk); len(all) == 0 || !strings.HasPrefix(all[0].Looked, "state (") { // how much is free is the machine's matter
		t.Errorf("of the disk: %+v", all)
	}
}

// TestSpool tells what waits, for how long and for whom, and what was refused.
func TestSpool(t *testing.T) {
	s := subject(t, "[spool]\ndirectory = \"DIR/spool\"\n")
	dir := s.Loaded.Config.Spool.Directory
	stopped, running := s.spools(&node{}), s.spools(&node{running: true})
	want(t, looked(t, stopped), dir, ops.OK, "nothing waits")
	for range 2 {
		if err := spool.New(dir, spool.Options{}).Write([]byte(`{"topic":"a.b","msg":{}}`)); err != nil {
			t.Fatal(err)
		}
	}
	want(t, looked(t, stopped), dir, ops.Warning, "2 messages wait for a node", "systemctl start")
	want(t, looked(t, running), dir, ops.OK, "2 messages wait")
	s.Now = func() time.Time { return time.Now().Add(time.Hour) }
	want(t, looked(t, running), dir, ops.Warning, "though the node runs")
	s.write(t, "spool/rejected/1.env", "{}", 0o600)
	s.write(t, "spool/rejected/1.env.reason", "bad_topic", 0o600)
	all := looked(t, running)
	want(t, all[1:], "rejected", ops.Warning, "1 messages lie there")

	huge, err := os.Create(filepath.Join(dir, fmt.Sprintf("%020d-%d-x.env", 1, os.Getuid())))
	if err == nil {
		err = huge.Truncate(1 << 30) // of the limit, without its blocks
	}
	if err != nil {
		t.Fatal(err)
	}
	huge.Close()
	want(t, looked(t, running)[:1], dir, ops.Failed, "100 % full")
}

// TestPermissions sees each kind of secret that others may read, and a configuration that others may write.
func TestPermissions(t *testing.T) {
	s := subject(t, `[signing]
key = "DIR/sign.key"
[http]
listen = ["https://127.0.0.1:1?cert=DIR/cert.pem&key=DIR/tls.key"]
[[sink]]
name = "rabbit"
to = "amqps://127.0.0.1/"
topics = ["#"]
credentials = "DIR/secret"
`)
	if s.Fault != nil {
		t.Fatal(s.Fault)
	}
	good := func() {
		s.write(t, "sign.key", "", 0o600)
		s.write(t, "tls.key", "", 0o640)
		s.write(t, "secret", "", 0o600)
		s.write(t, "state/tokens.json", "", 0o600)
	}
	good()
	want(t, looked(t, s.permissions), "state", ops.OK)
	for name, c := range map[string]struct {
		mode    os.FileMode
		cure    string
		looksAs string
	}{
		"sign.key": {0o640, "chmod 600", "signing.key"}, "tls.key": {0o644, "chmod 640", "key of http.listen"},
		"secret": {0o604, "chmod 600", "credentials of sink rabbit"}, "state/tokens.json": {0o666, "chmod 600", "tokens"},
		"state": {0o755, "chmod 700", "state ("}, "fedmsg.toml": {0o666, "chmod 640", "configuration"},
	} {
		path := filepath.Join(filepath.Dir(s.Loaded.File), name)
		before, err := os.Stat(path)
		if err == nil {
			err = os.Chmod(path, c.mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		all := looked(t, s.permissions)
		want(t, all, c.looksAs, ops.Failed, c.cure+" "+path)
		if len(all) != 1 {
			t.Errorf("%s: %+v", name, all)
		}
		if err := os.Chmod(path, before.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(filepath.Dir(s.Loaded.File), "secret")); err != nil {
		t.Fatal(err)
	}
	want(t, looked(t, s.permissions), "credentials of sink rabbit", ops.Failed, "not there")
}

// TestInsecure shows each switch that is on.
func TestInsecure(t *testing.T) {
	s := subject(t, "verify = \"insecure-off\"\n[http]\nlisten = []\nsocket = \"DIR/s\"\ninsecure_plain_http = true\n")
	all := looked(t, s.insecure)
	want(t, all, "verify = insecure-off", ops.Warning)
	want(t, all, "http.insecure_plain_http", ops.Warning)
	want(t, looked(t, subject(t, "").insecure), "configuration", ops.OK)
}

// TestSaved tells, without a node, how far its sinks had come, and what lies dead.
func TestSaved(t *testing.T) {
	sink := "[[sink]]\nname = \"NAME\"\ncommand = [\"/bin/true\"]\ntopics = [\"#\"]\n"
	s := subject(t, sink+"[[sink]]\nname = \"ahead\"\ncommand = [\"/bin/true\"]\ntopics = [\"#\"]\n[[sink]]\nname = \"broken\"\ncommand = [\"/bin/true\"]\ntopics = [\"#\"]\n")
	state := s.Loaded.Config.State
	want(t, looked(t, s.savedSinks), "log", ops.OK, "never started")
	log, err := commitlog.Open(daemon.LogDir(state), commitlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id := log.Info().ID
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	s.write(t, "state/readers/sink-broken", "yesterday", 0o600)
	for name, seq := range map[string]uint64{"NAME": 0, "ahead": 12} {
		if seq == 0 {
			continue
		}
		p := place.Anew(daemon.SinkPlace(state, name), false)
		if err := p.Save(fedmsg.Position{Log: id, Seq: seq}); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all := looked(t, s.savedSinks)
	want(t, all, "NAME", ops.OK, "not begun")
	want(t, all, "ahead", ops.Failed, "fedmsg log adopt")
	want(t, all, "sink-broken", ops.Failed, "fedmsg sink rewind broken")

	want(t, looked(t, s.savedDead), "all sinks", ops.OK)
	s.write(t, "state/sinks/ahead/dead/1.letter", "x", 0o600)
	s.write(t, "state/sources/umb/dead/4.letter", "x", 0o600)
	s.write(t, "state/sources/umb/dead/last", "4", 0o600)
	dead := looked(t, s.savedDead)
	want(t, dead, "sink/ahead", ops.Warning, "1 dead letter waits")
	want(t, dead, "source/umb", ops.Warning)
}
