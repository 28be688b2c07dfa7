package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
)

// TestSubmitStandsBesideTheSocket holds where submissions are taken when nobody says it.
func TestSubmitStandsBesideTheSocket(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("x", 95)
	for _, c := range []struct {
		name, file string
		environ    []string
		flags      []Flag
		want       []string
	}{
		{"default", "", []string{"RUNTIME_DIRECTORY=/run/fm"}, nil, []string{"ipc:///run/fm/fedmsg-submit.sock"}},
		{"file", "http.socket = '/a/s'", nil, nil, []string{"ipc:///a/s-submit.sock"}},
		{"open to the same", "http.socket = 'unix:///a/s?mode=0600&group=adm&topics=a.%23&verify=if-signed'", nil, nil, []string{"ipc:///a/s-submit.sock?group=adm&mode=0600&verify=if-signed"}},
		{"environment", "http.socket = '/a/s'", []string{"FEDMSG_HTTP_SOCKET=unix:///b/s"}, nil, []string{"ipc:///b/s-submit.sock"}},
		{"flag", "http.socket = '/a/s'", nil, []Flag{{"--socket", "http.socket", []string{"/c/s"}}}, []string{"ipc:///c/s-submit.sock"}},
		{"no socket", "http.socket = ''", nil, nil, nil},
		{"a path for which there is no room", "http.socket = '" + long + "/s'", nil, nil, nil},
		{"chosen", "http.socket = '/a/s'\nzeromq.submit = ['tcp://127.0.0.1:1']", nil, nil, []string{"tcp://127.0.0.1:1"}},
		{"switched off", "http.socket = '/a/s'\nzeromq.submit = []", nil, nil, nil},
		{"switched off by the environment", "", []string{"FEDMSG_ZEROMQ_SUBMIT="}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, err := Load(Source{File: write(t, "fedmsg.toml", c.file), Environ: c.environ, Flags: c.flags, UID: 7})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.Config.ZeroMQ.Submit); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestZeroMQSwitchedOff holds that a flag or variable with nothing in it is the empty list.
func TestZeroMQSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, src := range []Source{
		{Environ: []string{"FEDMSG_ZEROMQ_PUBLISH="}},
		{Flags: []Flag{{"--zeromq-publish", "zeromq.publish", []string{""}}}},
	} {
		src.File = write(t, "fedmsg.toml", "")
		l, err := Load(src)
		if err != nil {
			t.Fatal(err)
		}
		if all := l.Config.ZeroMQ.Publish; len(all) != 0 {
			t.Errorf("%v %v: %q", src.Environ, src.Flags, all)
		}
	}
}

// TestZeroMQFaults holds that what cannot work is told with its place before anything is opened.
func TestZeroMQFaults(t *testing.T) {
	t.Parallel()
	const key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" // of the ZeroMQ RFC 32's example
	client := func(more string) string {
		return "[[zeromq_client]]\nname = 'a'\nkey = '" + key + "'\n" + more
	}
	for _, c := range []struct{ name, file, want string }{
		{"another protocol", "zeromq.publish = ['http://x:1']", "1:8: zeromq.publish: "},
		{"a format that there is not", "zeromq.publish = ['tcp://127.0.0.1:1?format=fedmsg3']", "1:8: zeromq.publish: "},
		{"a long path", "zeromq.submit = ['ipc:///" + strings.Repeat("x", 107) + "']", "has a path of 108 bytes and a socket's path has at most 107"},
		{"CURVE without clients", "[zeromq]\nrelay_in = ['tcp://127.0.0.1:1?curve=yes']", "2:1: zeromq.relay_in has an endpoint with curve=yes, which lets in only what a [[zeromq_client]] names, and there is none"},
		{"a publisher that no client is", client("[[publisher]]\ncurve = 'b'\ntopics = ['#']\n"), `5:1: publisher 1 has curve = "b", and there is no [[zeromq_client]] of that name`},
		{"a key that is none", "\n[[zeromq_client]]\nname = 'a'\nkey = 'x'\n", "3:1: zeromq_client 1 (a) has a key that is not"},
		{"two of one name", client("") + client(""), "5:1: zeromq_client 2 has the name"},
		{"a name with a space", "zeromq.seq_id = 'a b'", "1:8: zeromq.seq_id "},
		{"no time at all", "zeromq.heartbeat = '0s'", "1:8: zeromq.heartbeat must be above zero"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := write(t, "fedmsg.toml", c.file)
			_, err := Load(Source{File: file})
			if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(strings.ReplaceAll(err.Error(), file+":", ""), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
