package process

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// peers is nodes that are joined: each signs with a key of its own, as its own name, and trusts those of the others.
type peers struct {
	t       *testing.T
	dir     string
	names   []string
	config  func(name string) string
	archive string            // archive.store of each; empty is none
	listen  map[string]string // the endpoint of a node, where it is not any of plain HTTP
	nodes   map[string]*fedmsgtest.Node
}

// newPeers prepares nodes of these names and starts none. config gives what stands in the configuration of each beside its key
// and its trust, when it is started for the first time; {NAME} in it is the address of a node's socket, {dir} a directory for files.
func newPeers(t *testing.T, names []string, config func(name string) string) *peers {
	t.Helper()
	dir, err := os.MkdirTemp("", "fp") // t.TempDir is too long for a socket's address
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &peers{t: t, dir: dir, names: names, config: config, listen: map[string]string{}, nodes: map[string]*fedmsgtest.Node{}}
	for _, name := range names {
		p.makeKey(name)
	}
	return p
}

// prepare makes a node that was not started yet.
func (p *peers) prepare(name string) {
	p.t.Helper()
	words := []string{"{dir}", p.dir}
	text := fmt.Sprintf("[signing]\nname = %q\nkey = %q\ntopics = [\"#\"]\n", name, p.path(name+".key"))
	for _, other := range p.names {
		words = append(words, "{"+other+"}", "unix://"+p.path(other+".s"))
		if other != name {
			text += fmt.Sprintf("[[trust]]\nname = %q\nkeys = [%q]\ntopics = [\"#\"]\n", other, p.path(other+".pub"))
		}
	}
	env := []string{"FEDMSG_HTTP_SOCKET=unix://" + p.path(name+".s")}
	if uri := p.listen[name]; uri != "" {
		env = append(env, "FEDMSG_HTTP_LISTEN="+uri)
	}
	// Keys of no table come first.
	text = strings.NewReplacer(words...).Replace(p.config(name)) + text
	n := fedmsgtest.NewNode(p.t, fedmsgtest.NodeOptions{Config: text, Env: env, State: p.path(name + ".state"), Archive: p.archive})
	n.Socket = p.path(name + ".s")
	p.nodes[name] = n
}

func (p *peers) path(name string) string { return filepath.Join(p.dir, name) }

// makeKey makes the key with which a node signs.
func (p *peers) makeKey(name string) {
	p.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		p.t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	p.write(name+".pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open})))
}

// write makes a file for p.dir's owner alone, and gives its path.
func (p *peers) write(name, text string) string {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p.path(name)
}

// start starts the nodes of these names, or all.
func (p *peers) start(names ...string) {
	p.t.Helper()
	if len(names) == 0 {
		names = p.names
	}
	for _, name := range names {
		if p.nodes[name] == nil {
			p.prepare(name)
		}
		if err := p.nodes[name].Start(); err != nil {
			p.t.Fatalf("starting %s: %s", name, err)
		}
	}
}

// publish submits count messages to a node as one stream, the ids of which begin with name, and returns when all are accepted.
func (p *peers) publish(name string, count int) {
	p.t.Helper()
	var lines bytes.Buffer
	for i := range count {
		lines.Write(append(submission(fmt.Sprintf("%s-%d", name, i), i), '\n'))
	}
	p.submit(name, &lines, count)
}

// submit streams lines to a node, all of which it must accept.
func (p *peers) submit(name string, lines io.Reader, count int) {
	p.t.Helper()
	taken := 0
	err := p.nodes[name].PublishLines(p.t.Context(), lines, func(i int, o fedmsg.Outcome) {
		if o.Err != nil {
			p.t.Errorf("line %d at %s: %s", i, name, o.Err)
			return
		}
		taken++
	})
	if err != nil || taken != count {
		p.t.Fatalf("%s took %d of %d messages: %v", name, taken, count, err)
	}
}

// publishAll publishes at several nodes at once.
func (p *peers) publishAll(count int, names ...string) {
	p.t.Helper()
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() { p.publish(name, count) })
	}
	wg.Wait()
}

// await returns what the log of a node has when there are count entries in it.
func (p *peers) await(name string, count int) []fedmsg.Entry {
	p.t.Helper()
	return p.nodes[name].Read(p.t, map[string][]string{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < uint64(count) })
}

// sums gives the hash of each envelope by its id. An id that is there twice fails the test.
func sums(t *testing.T, entries []fedmsg.Entry) map[string][32]byte {
	t.Helper()
	all := make(map[string][32]byte, len(entries))
	for i := range entries {
		e := &entries[i]
		if _, twice := all[e.ID]; twice {
			t.Fatalf("%s is in the log twice", e.ID)
		}
		all[e.ID] = sha256.Sum256(e.Envelope)
	}
	return all
}

// same fails the test unless both logs have the same envelopes, to the byte.
func same(t *testing.T, where string, got, want map[string][32]byte) {
	t.Helper()
	for id, sum := range want {
		if other, ok := got[id]; !ok {
			t.Errorf("%s has no %s", where, id)
		} else if other != sum {
			t.Errorf("%s has other bytes for %s", where, id)
		}
		if t.Failed() {
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d messages, want %d", where, len(got), len(want))
	}
}

// holdTwins holds that the nodes alpha and beta come to have the same messages, so many: beta those of alpha with their signatures and the
// place where alpha has them, and that the sink and the source of neither gave up any.
func (p *peers) holdTwins(count int, sink, source string) {
	p.t.Helper()
	alpha, beta := p.await("alpha", count), p.await("beta", count)
	same(p.t, "beta", sums(p.t, beta), sums(p.t, alpha))
	for _, e := range beta {
		if strings.HasPrefix(e.ID, "alpha") && (e.Origin.Log != alpha[0].Position.Log || len(e.Signatures) == 0 || e.Signer == "") {
			p.t.Fatalf("%s came with the origin %s and the signatures %s", e.ID, e.Origin, e.Signatures)
		}
	}
	for _, name := range p.names {
		holdNoDead(p.t, p.nodes[name], "sinks", sink)
		holdNoDead(p.t, p.nodes[name], "sources", source)
	}
}

// sinks gives the status of each sink of a node.
func (p *peers) sinks(name string) []deliver.Status {
	p.t.Helper()
	var answer struct{ Sinks []deliver.Status }
	p.get(name, "/v1/sinks", &answer)
	return answer.Sinks
}

// sources gives the status of each source of a node.
func (p *peers) sources(name string) []receive.Status {
	p.t.Helper()
	var answer struct{ Sources []receive.Status }
	p.get(name, "/v1/sources", &answer)
	return answer.Sources
}

func (p *peers) get(name, path string, into any) {
	p.t.Helper()
	status, body, err := p.nodes[name].Get(p.t.Context(), path)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		p.t.Fatalf("%s of %s: %s", path, name, err)
	}
}

// until asks again and again whether something holds; only a failing test asks for long.
func (p *peers) until(what string, holds func() bool) {
	p.t.Helper()
	await(p.t, what, holds)
}
