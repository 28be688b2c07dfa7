package stomp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// shared is the ActiveMQ of all tests that do not end it, with a certificate of authority.
type shared struct {
	once      sync.Once
	server    *fedmsgtest.ActiveMQ
	authority *fedmsgtest.Authority
	dir       string
	err       error
}

var common shared

func TestMain(m *testing.M) {
	code := m.Run()
	if common.server != nil {
		_ = common.server.Remove()
		_ = os.RemoveAll(common.dir)
	}
	os.Exit(code)
}

// activeUsers lets everybody in, and ralph and guest with their passwords; only these write below closed. What is not named nobody
// may use: the rights of all entries that fit are added up.
const activeUsers = `<plugins>
<simpleAuthenticationPlugin anonymousAccessAllowed="true" anonymousUser="nobody" anonymousGroup="all"><users>
<authenticationUser username="ralph" password="back\nslash:colon" groups="all,writers"/><authenticationUser username="guest" password="guest" groups="all,writers"/>
</users></simpleAuthenticationPlugin>
<authorizationPlugin><map><authorizationMap><authorizationEntries>
<authorizationEntry queue=">" read="all" write="all" admin="all"/><authorizationEntry topic="closed.>" read="all" write="writers" admin="all"/>
<authorizationEntry topic="open.>" read="all" write="all" admin="all"/><authorizationEntry topic="VirtualTopic.>" read="all" write="all" admin="all"/>
<authorizationEntry topic="ActiveMQ.Advisory.>" read="all" write="all" admin="all"/>
</authorizationEntries></authorizationMap></map></authorizationPlugin>
</plugins>`

// activeMQ gives the shared server.
func activeMQ(t *testing.T) *shared {
	t.Helper()
	fedmsgtest.NeedActiveMQ(t)
	common.once.Do(func() {
		if common.dir, common.err = os.MkdirTemp("", "famq"); common.err != nil {
			return
		}
		if common.authority, common.err = fedmsgtest.NewAuthority(common.dir); common.err != nil {
			return
		}
		common.server, common.err = fedmsgtest.NewActiveMQ(filepath.Join(common.dir, "server"), fedmsgtest.ActiveMQOptions{
			TLS: common.authority, Elements: []string{activeUsers},
		})
		if common.err == nil {
			common.err = common.server.Start()
		}
	})
	if common.err != nil {
		t.Fatal(common.err)
	}
	return &common
}

// consumer is a process of another make that writes down what comes to a destination.
type consumer struct {
	file string
	read int64   // bytes of the file
	all  []taken // what stands in these
}

// consume starts one, and returns when it is subscribed.
func consume(t *testing.T, addr, destination string, headers ...string) *consumer {
	t.Helper()
	c := &consumer{file: filepath.Join(t.TempDir(), "taken")}
	args := append([]string{addr, destination, c.file}, headers...)
	s := fedmsgtest.StartScript(t, "testdata/consumer.py", args...)
	s.Expect("ready")
	return c
}

// taken is a message as the consumer wrote it down.
type taken struct {
	Headers map[string]string
	Body    []byte
}

// taken gives what it has written down so far; nobody changes that. One goroutine at a time calls it.
func (c *consumer) taken(t *testing.T) []taken {
	t.Helper()
	f, err := os.Open(c.file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, c.read, math.MaxInt64-c.read))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is writing
		}
		var m taken
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		c.all = append(c.all, m)
		c.read += int64(len(line))
	}
	return slices.Clip(c.all)
}

// topic is the last part of where it was sent to, behind the words before it.
func (m *taken) topic(before string) string {
	destination := m.Headers["destination"]
	if original := m.Headers["original-destination"]; original != "" {
		destination = original
	}
	_, topic, _ := strings.Cut(destination, before)
	return topic
}

// carried puts together a header of package carry as its comment says how it is spread.
func (m *taken) carried(t *testing.T, name string) []byte {
	t.Helper()
	text := m.Headers[name]
	for n := 2; m.Headers[fmt.Sprintf("%s-%d", name, n)] != ""; n++ {
		text += m.Headers[fmt.Sprintf("%s-%d", name, n)]
	}
	if rest, ok := strings.CutPrefix(text, "base64:"); ok {
		plain, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			t.Fatal(err)
		}
		return plain
	}
	return []byte(text)
}

// publisher is a process of another make that publishes.
type publisher struct {
	t *testing.T
	s *fedmsgtest.Script
}

func publish(t *testing.T, addr string) *publisher {
	t.Helper()
	return &publisher{t, fedmsgtest.StartScript(t, "testdata/publisher.py", addr)}
}

// send publishes a message and returns when the server has it.
func (p *publisher) send(destination string, headers map[string]string, body []byte) {
	p.t.Helper()
	line, err := json.Marshal(map[string]any{"destination": destination, "headers": headers, "body": body})
	if err != nil {
		p.t.Fatal(err)
	}
	p.s.Do("%s", line)
	p.s.Expect("sent")
}

// spread makes the headers of a value as package carry does.
func spread(headers map[string]string, name string, value []byte) {
	if len(value) > 0 {
		headers[name] = string(value)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
