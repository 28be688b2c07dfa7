package process

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// recorder is a program that writes the number of each message, and its topic, into a file of its own. While the file gate is
// there, it fails, to be tried again; messages with "bad":true it gives up while the file picky is there.
type recorder struct {
	t       *testing.T
	dir     string
	program string
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{t: t, dir: t.TempDir()}
	r.program = program(t, `cd "$1" || exit 1
message=$(cat)
[ ! -e gate ] || exit 75
case "$message" in *'"bad":true'*) [ ! -e picky ] || exit 65;; esac
echo "$message" | sed 's/.*"msg":{"n":\([0-9]*\).*/\1/' | sed "s|\$| $FEDMSG_TOPIC|" >> out`)
	return r
}

// config is the [[sink]] of that name, with further lines of it.
func (r *recorder) config(name string, lines ...string) string {
	text := fmt.Sprintf("[[sink]]\nname = %q\ncommand = [%q, %q]\nretry_first = \"10ms\"\nretry_max = \"50ms\"\nattempts = 1000\n", name, r.program, r.dir)
	if !strings.Contains(strings.Join(lines, "\n"), "topics =") {
		text += "topics = [\"#\"]\n"
	}
	return text + strings.Join(lines, "\n") + "\n"
}

// put makes the file gate or picky, and drop removes it.
func (r *recorder) put(name string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) drop(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// numbers gives the numbers in the file, in their order, separated by spaces.
func (r *recorder) numbers() string {
	r.t.Helper()
	var all []string
	for line := range strings.Lines(r.text()) {
		n, _, _ := strings.Cut(line, " ")
		all = append(all, n)
	}
	return strings.Join(all, " ")
}

// text gives the file.
func (r *recorder) text() string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "out"))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return string(b)
}

// waited is the answer to a message that was published with wait=.
type waited struct {
	Status int
	fedmsg.Receipt
	Sinks []fedmsg.Delivery
	Error struct{ Code, Message string }
}

// states gives the sinks' states as in "a=delivered b=pending".
func (w *waited) states() string {
	var all []string
	for _, d := range w.Sinks {
		all = append(all, d.Sink+"="+string(d.State))
	}
	return strings.Join(all, " ")
}

// numbered is message n, whose id is its number, on a topic of the test; rest goes into its body.
func numbered(n int, topic, rest string) string {
	return fmt.Sprintf(`{"id":"n-%d","topic":"org.example.dev.%s","msg":{"n":%d%s}}`, n, topic, n, rest)
}

// awaitSinks publishes a message and waits for the sinks, by a comma between. Of one that is there already it only waits.
func awaitSinks(t *testing.T, node *fedmsgtest.Node, message, sinks string, timeout time.Duration) waited {
	t.Helper()
	query := url.Values{"wait": {sinks}, "timeout": {timeout.String()}}
	resp, err := node.HTTP.Post("http://localhost/v1/messages?"+query.Encode(), "application/json", strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w := waited{Status: resp.StatusCode}
	if err == nil {
		err = json.Unmarshal(b, &w)
	}
	if err != nil {
		t.Fatalf("%d %s: %s", resp.StatusCode, b, err)
	}
	return w
}

// delivered publishes a message, unless it is there, and fails the test unless the sinks deliver it.
func delivered(t *testing.T, node *fedmsgtest.Node, message, sinks string) waited {
	t.Helper()
	w := awaitSinks(t, node, message, sinks, patience)
	if w.Status != http.StatusCreated {
		t.Fatalf("%s was not delivered: %+v", message, w)
	}
	return w
}

// sinkOf gives the status of a sink.
func sinkOf(t *testing.T, node *fedmsgtest.Node, name string) deliver.Status {
	t.Helper()
	r := node.CLI(t, nil, "sink", "show", name, "--format", "json")
	var s deliver.Status
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil || r.Status != 0 {
		t.Fatalf("%v %s", err, r)
	}
	return s
}

// sinksOf gives what GET /v1/messages/ID says of each sink, as in "a=delivered b=dead".
func sinksOf(t *testing.T, node *fedmsgtest.Node, id string) waited {
	t.Helper()
	var w waited
	status, b, err := node.Get(t.Context(), "/v1/messages/"+id)
	if err == nil {
		err = json.Unmarshal(b, &w)
	}
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s: %v", status, b, err)
	}
	return w
}

// cliOK runs a command that must end with status 0, and gives its output.
func cliOK(t *testing.T, node *fedmsgtest.Node, args ...string) string {
	t.Helper()
	r := node.CLI(t, nil, args...)
	if r.Status != 0 {
		t.Fatalf("%q: %s", args, r)
	}
	return r.Stdout
}
