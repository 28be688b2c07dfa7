package doctor

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/token"
)

// TestClock compares with other nodes, whose answers have a date, and with what the kernel says.
func TestClock(t *testing.T) {
	for ahead, status := range map[time.Duration]ops.Status{
		0: ops.OK, 20 * time.Second: ops.OK, 45 * time.Second: ops.Warning, -45 * time.Second: ops.Warning, time.Hour: ops.Failed, -time.Hour: ops.Failed,
	} {
		t.Run(ahead.String(), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			}))
			defer server.Close()
			s := subject(t, "[[sink]]\nname = \"far\"\nto = \""+server.URL+"\"\ntopics = [\"#\"]\n")
			all := looked(t, s.clock)
			want(t, all, "sink far", status)
			want(t, all, "kernel", ops.OK)
		})
	}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("a page is asked for %s", r.URL) }))
	defer server.Close()
	polled := subject(t, "[[source]]\nname = \"page\"\nfrom = \"poll+"+server.URL+"/page\"\ntopics = [\"#\"]\n")
	if polled.Loaded.Config.Source == nil || len(looked(t, polled.clock)) != 1 {
		t.Error("what is polled is asked for its time")
	}
	s := subject(t, "")
	s.Kernel = func() (KernelClock, error) { return KernelClock{}, nil }
	want(t, looked(t, s.clock), "kernel", ops.Warning, "timedatectl")
}

// TestCertificates looks at a listener's certificate as time goes by, at one without its key, and at what is none; and at tokens.
func TestCertificates(t *testing.T) {
	authority, err := fedmsgtest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, other := authority.IssueFor(t, "node"), authority.IssueFor(t, "other")
	text := func(cert, key string) string {
		return "[http]\nlisten = [\"https://127.0.0.1:1?cert=" + cert + "&key=" + key + "\"]\n"
	}
	s := subject(t, text(pair.Certificate, pair.Key))
	now := time.Now() // the certificate is for a day
	for ahead, want1 := range map[time.Duration]ops.Status{-48 * time.Hour: ops.Failed, 0: ops.Warning, 25 * time.Hour: ops.Failed} {
		s.Now = func() time.Time { return now.Add(ahead) }
		want(t, looked(t, s.certificates), "http.listen", want1)
	}
	s.Now = func() time.Time { return now }
	if f, soon := s.ends("x", "it", now.Add(31*24*time.Hour), "renew"); soon {
		t.Errorf("a month ahead: %+v", f)
	}
	none := s.write(t, "none.pem", "nothing", 0o600)
	s = subject(t, text(none, none))
	want(t, looked(t, s.certificates), "http.listen", ops.Failed, "no PEM certificate")
	s = subject(t, text(filepath.Join(t.TempDir(), "gone"), none))
	want(t, looked(t, s.certificates), "http.listen", ops.Failed, "not there")
	if f := (&Subject{Now: func() time.Time { return now }}).certificate(config.NamedFile{Key: "x", Path: pair.Certificate, Pair: other.Key}); f.Status == ops.OK {
		t.Errorf("with the key of another: %+v", f)
	}

	s = subject(t, "")
	for name, expires := range map[string]time.Time{"soon": now.Add(time.Hour), "over": now.Add(-time.Hour), "later": now.Add(30 * 24 * time.Hour), "never": {}} {
		made, _, err := token.New(name, []fedmsg.Pattern{fedmsg.MatchAll()}, nil, now.Add(-48*time.Hour), expires)
		if err == nil {
			err = token.Add(daemon.TokensFile(s.Loaded.Config.State), made)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	all := looked(t, s.certificates)
	want(t, all, "token soon", ops.Warning, "fedmsg token new")
	want(t, all, "token over", ops.Failed, "fedmsg token revoke over")
	if len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

// TestBundle holds that a file of authorities fails when all of them are over, and is told of when one is.
func TestBundle(t *testing.T) {
	authority, err := fedmsgtest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	day, err := os.ReadFile(authority.IssueFor(t, "one").Certificate)
	if err != nil {
		t.Fatal(err)
	}
	years, err := os.ReadFile(fedmsgtest.Shared(t, "interop", "vectors", "pki", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	s, now := subject(t, ""), time.Now()
	file := s.write(t, "ca.pem", string(years)+string(day), 0o600)
	for ahead, statuses := range map[time.Duration][2]ops.Status{48 * time.Hour: {ops.Warning, ops.Failed}, 200 * 365 * 24 * time.Hour: {ops.Failed, ops.Failed}} {
		s.Now = func() time.Time { return now.Add(ahead) }
		want(t, []Finding{s.certificate(config.NamedFile{Kind: config.Authorities, Key: "ca of sink x", Path: file})}, "ca of sink x", statuses[0])
		want(t, []Finding{s.certificate(config.NamedFile{Key: "http.listen", Path: file})}, "http.listen", statuses[1])
	}
}

// TestReach connects to what is there, to what is not, and to one whose certificate nobody here trusts.
func TestReach(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	gone := "127.0.0.1:" + fedmsgtest.FreePort()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	s := subject(t, `[[sink]]
name = "there"
to = "amqp://`+ln.Addr().String()+`/"
topics = ["#"]
[[sink]]
name = "untrusted"
to = "`+secure.URL+`"
topics = ["#"]
[[sink]]
name = "program"
command = ["/bin/true"]
topics = ["#"]
[[source]]
name = "gone"
from = "nats://`+gone+`?stream=x&jetstream=yes"
topics = ["#"]
[[source]]
name = "table"
from = "poll+postgres://user@`+ln.Addr().String()+`,`+gone+`/db"
topics = ["#"]
[[source]]
name = "unheard"
from = "gopher://127.0.0.1/"
topics = ["#"]
[archive]
store = "postgres://user@/db?host=`+t.TempDir()+`"
`)
	if s.Fault != nil {
		s.Fault = nil // whether a kind takes its options is not the matter here
	}
	all := looked(t, s.reach)
	want(t, all, "sink there", ops.OK)
	want(t, all, "sink untrusted", ops.Failed, "name the authority", "ca of sink untrusted")
	want(t, all, "source gone", ops.Warning, "refused")
	want(t, all, "source table ("+ln.Addr().String(), ops.OK)
	want(t, all, "source table ("+gone, ops.Warning, "refused")
	want(t, all, "source unheard", ops.Warning, "not looked at")
	want(t, all, "archive.store", ops.Warning, "/.s.PGSQL.5432", "nc -vz -U")
	if len(all) != 7 {
		t.Errorf("%+v", all)
	}
	want(t, looked(t, subject(t, "").reach), "sinks", ops.OK)
}

// TestListeners asks where the node is to listen: it, somebody else, nobody; while it runs and while it does not.
func TestListeners(t *testing.T) {
	good := httptest.NewServer(http.NotFoundHandler())
	defer good.Close()
	bad, zeromq := mailServer(t), mailServer(t)
	gone := "127.0.0.1:" + fedmsgtest.FreePort()
	s := subject(t, "[http]\nlisten = [\""+good.URL+"\", \"http://"+bad+"\", \"http://"+gone+"\"]\n[zeromq]\npublish = [\"tcp://"+zeromq+"\"]\nsubmit = []\n")
	running := looked(t, s.listeners(&node{running: true}))
	want(t, running, "http.listen ("+good.Listener.Addr().String(), ops.OK)
	want(t, running, bad, ops.Failed, "does not speak HTTP", "ss -ltnp")
	want(t, running, gone, ops.Failed, "does not listen there")
	want(t, running, "zeromq.publish", ops.Failed, "does not answer as the node does")
	idle := looked(t, s.listeners(&node{}))
	want(t, idle, bad, ops.Failed, "another program")
	want(t, idle, gone, ops.OK)
	stranger := looked(t, s.listeners(&node{why: &net.OpError{Err: syscall.EACCES}})) // to whom the node's socket is closed
	want(t, stranger, bad, ops.Warning, "whether it is the node is not known", "as root")
}

// TestListenersCertificate sees that a renewed certificate is not the one that is shown.
func TestListenersCertificate(t *testing.T) {
	authority, err := fedmsgtest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair := authority.IssueFor(t, "renewed")
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	s := subject(t, "[http]\nlisten = [\""+server.URL+"?cert="+pair.Certificate+"&key="+pair.Key+"\"]\n")
	want(t, looked(t, s.listeners(&node{running: true})), "http.listen", ops.Failed, "another certificate")
}

// TestSocket judges who can reach the local socket.
func TestSocket(t *testing.T) {
	gid := strconv.Itoa(os.Getgid())
	for name, c := range map[string]struct {
		mode, dir os.FileMode
		group     string
		status    ops.Status
	}{
		"right":       {0o660, 0o755, gid, ops.OK},
		"for all":     {0o666, 0o755, "987654", ops.OK},
		"other group": {0o660, 0o755, "987654", ops.Warning},
		"mode":        {0o600, 0o755, gid, ops.Warning},
		"directory":   {0o660, 0o700, gid, ops.Warning},
		"no group":    {0o660, 0o700, "no-such-group", ops.OK},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "fmd") // unlike those of the testing package, below directories that all may enter
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			path := filepath.Join(dir, "s")
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, c.dir); err != nil {
				t.Fatal(err)
			}
			s := subject(t, "[http]\nlisten = []\nsocket = \"unix://"+path+"?group="+c.group+"\"\n")
			want(t, looked(t, s.socket), "http.socket", c.status)
		})
	}
	s := subject(t, "")
	want(t, looked(t, s.socket), "http.socket", ops.OK, "no node runs")
	s.write(t, "s", "", 0o600)
	want(t, looked(t, s.socket), "http.socket", ops.Failed, "no socket")
}
