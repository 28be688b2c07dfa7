package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const fakeLog = fedmsg.LogID("k3v5q2m7x4ab")

// fakeNode answers as a node does, from memory.
type fakeNode struct {
	t   *testing.T
	uri string
	srv *http.Server
	ln  net.Listener

	mu       sync.Mutex
	log      []fedmsg.Entry
	lines    [][]byte // as they came
	byID     map[string]int
	wake     chan struct{}
	dropAt   []int             // connections for publishing break after so many lines, one number each
	dropLate bool              // the last of these lines is stored before the connection breaks
	refuse   map[string]error  // by topic
	hang     chan struct{}     // not nil: requests wait until it is closed
	cutAt    int               // streams break after so many entries; 0 never
	firsts   []fedmsg.Position // the positions that streams were asked for
	gap      *fedmsg.Gap       // given at the beginning of the next stream
	heart    fedmsg.Position   // a heartbeat at the beginning of each stream
	wrongID  bool              // receipts have the id of another message
	token    string            // asked for when it is not empty
	deaf     int               // so many connections for publishing are read and never answered
	faults   *faults           // of connections for publishing; nil for none
	junk     string            // written at the beginning of the next stream
	cutInto  bool              // streams break inside the line behind the last whole one
	queries  []string          // of streams
	posts    []string          // the query of each request to publish
	always   bool              // every request has the answer …
	answer   string            // … which is this
}

// startNode starts a fake node on a unix socket in a directory that ends with the test.
func startNode(t *testing.T) *fakeNode {
	t.Helper()
	n := &fakeNode{t: t, uri: "unix://" + filepath.Join(t.TempDir(), "node.sock"), byID: map[string]int{}, wake: make(chan struct{}), refuse: map[string]error{}}
	n.start()
	t.Cleanup(n.stop)
	return n
}

// StartExampleNode starts a fake node that $FEDMSG_NODE names, for the examples, and gives what stops it.
func StartExampleNode() (stop func()) {
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		panic(err)
	}
	n := &fakeNode{uri: "unix://" + filepath.Join(dir, "node.sock"), byID: map[string]int{}, wake: make(chan struct{})}
	n.start()
	os.Setenv("FEDMSG_NODE", n.uri)
	return func() {
		n.stop()
		os.Unsetenv("FEDMSG_NODE")
		os.RemoveAll(dir)
	}
}

func (n *fakeNode) start() {
	ln, err := net.Listen("unix", strings.TrimPrefix(n.uri, "unix://"))
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	if n.always {
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, n.answer) })
	} else {
		mux.HandleFunc("POST /v1/messages", n.post)
		mux.HandleFunc("GET /v1/log", n.info)
		mux.HandleFunc("GET /v1/stream", n.stream)
	}
	n.srv, n.ln = &http.Server{Handler: mux}, ln
	go n.srv.Serve(ln)
}

func (n *fakeNode) stop() {
	n.mu.Lock()
	if n.hang != nil {
		close(n.hang)
		n.hang = nil
	}
	n.mu.Unlock()
	n.srv.Close()
}

// entries gives the bodies of what is stored, in order.
func (n *fakeNode) bodies() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, e := range n.log {
		var w struct{ Msg json.RawMessage }
		_ = json.Unmarshal(e.Envelope, &w)
		all = append(all, string(w.Msg))
	}
	return all
}

func (n *fakeNode) store(line []byte) (fedmsg.Receipt, error) {
	dec := wire.Decoder{Limits: fedmsg.DefaultLimits()}
	sent, err := dec.Submitted(bytes.Clone(line))
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	env := sent.Envelope
	if !sent.Whole {
		sub := sent.Submission
		draft := wire.Draft{ID: sub.ID, Topic: sub.Topic, Body: sub.Body, Headers: sub.Headers, Username: sub.Username}
		env = wire.Envelope{ID: sub.ID, Topic: sub.Topic, Bytes: wire.AppendEnvelope(nil, &draft)}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, bytes.Clone(bytes.TrimSuffix(line, []byte{'\n'})))
	if err := n.refuse[env.Topic]; err != nil {
		return fedmsg.Receipt{}, err
	}
	i, duplicate := n.byID[env.ID]
	if !duplicate {
		i = len(n.log)
		n.byID[env.ID] = i
		n.log = append(n.log, fedmsg.Entry{Position: fedmsg.Position{Log: fakeLog, Seq: uint64(i + 1)}, Received: time.Now().UTC(), ID: env.ID, Topic: env.Topic, Sender: "uid:0", Envelope: env.Bytes, Signatures: sent.Signatures})
		close(n.wake)
		n.wake = make(chan struct{})
	}
	e := n.log[i]
	return fedmsg.Receipt{ID: e.ID, Position: e.Position, Seq: e.Position.Seq, Received: e.Received, Duplicate: duplicate}, nil
}

func (n *fakeNode) wait() {
	n.mu.Lock()
	hang := n.hang
	n.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

func (n *fakeNode) post(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.posts = append(n.posts, r.URL.RawQuery)
	n.mu.Unlock()
	n.wait()
	if n.token != "" && r.Header.Get("Authorization") != "Bearer "+n.token {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(fedmsg.AppendErrorJSON(nil, fedmsg.Errorf(fedmsg.CodeUnauthenticated, "the token is not known")))
		return
	}
	if r.Header.Get("Content-Type") == "application/json" {
		body, _ := io.ReadAll(r.Body)
		receipt, err := n.store(body)
		if err != nil {
			w.WriteHeader(fedmsg.CodeOf(err).HTTPStatus())
			_, _ = w.Write(fedmsg.AppendErrorJSON(nil, err))
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(receipt.AppendJSON(nil))
		return
	}
	n.postMany(w, r)
}

func (n *fakeNode) postMany(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.EnableFullDuplex()
	n.mu.Lock()
	drop, late := -1, n.dropLate
	if len(n.dropAt) > 0 {
		drop, n.dropAt = n.dropAt[0], n.dropAt[1:]
	}
	n.mu.Unlock()
	n.mu.Lock()
	deaf := n.deaf > 0
	n.deaf--
	n.mu.Unlock()
	if deaf {
		_, _ = io.Copy(io.Discard, r.Body)
		return
	}
	if n.faults != nil {
		n.faults.post(n, w, r)
		return
	}
	_ = rc.Flush() // a node sends its status before it has read anything
	in := bufio.NewReaderSize(r.Body, 1<<20)
	var out []byte
	for i := 1; ; i++ {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue // a node passes over empty lines
		}
		n.wait()
		if i == drop && !late {
			cut(rc)
			return
		}
		receipt, err := n.store(line[:len(line)-1])
		if n.wrongID {
			receipt.ID = "another"
		}
		if i == drop {
			cut(rc)
			return
		}
		if err != nil {
			out = fedmsg.AppendErrorJSON(out, err)
		} else {
			out = receipt.AppendJSON(out)
		}
		out = append(out, '\n')
		if in.Buffered() == 0 || i+1 == drop {
			_, _ = w.Write(out)
			_ = rc.Flush()
			out = out[:0]
		}
	}
}

// cut breaks the connection at once: left to itself, net/http would first read the endless request to its end.
func cut(rc *http.ResponseController) {
	if conn, _, err := rc.Hijack(); err == nil {
		conn.Close()
	}
}

func (n *fakeNode) info(w http.ResponseWriter, r *http.Request) {
	n.wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(w, `{"id":"%s","first":1,"last":%d,"bytes":1,"oldest":"2026-01-01T00:00:00Z","newest":"2026-01-01T00:00:00Z"}`, fakeLog, len(n.log))
}

func (n *fakeNode) stream(w http.ResponseWriter, r *http.Request) {
	n.wait()
	var after fedmsg.Position
	if s := r.URL.Query().Get("after"); s != "" && s != "0" {
		p, err := fedmsg.ParsePosition(s)
		if err != nil {
			w.WriteHeader(fedmsg.CodeOf(err).HTTPStatus())
			_, _ = w.Write(fedmsg.AppendErrorJSON(nil, err))
			return
		}
		after = p
	}
	rc := http.NewResponseController(w)
	n.mu.Lock()
	n.queries = append(n.queries, r.URL.RawQuery)
	_, _ = io.WriteString(w, n.junk)
	n.junk = ""
	if n.gap != nil {
		b, _ := json.Marshal(n.gap)
		fmt.Fprintf(w, `{"gap":%s}`+"\n", b)
		n.gap = nil
	}
	if !n.heart.IsZero() {
		fmt.Fprintf(w, `{"heartbeat":{"position":"%s"}}`+"\n", n.heart)
	}
	n.mu.Unlock()
	_ = rc.Flush()
	n.mu.Lock()
	n.firsts = append(n.firsts, after) // now the other side knows that it stands
	n.mu.Unlock()
	prefix := r.URL.Query().Get("prefix")
	for i, given := int(after.Seq), 0; ; i++ {
		n.mu.Lock()
		for i >= len(n.log) {
			wake := n.wake
			n.mu.Unlock()
			_ = rc.Flush()
			select {
			case <-wake:
			case <-r.Context().Done():
				return
			}
			n.mu.Lock()
		}
		e, last := n.log[i], n.cutAt
		n.mu.Unlock()
		if !strings.HasPrefix(e.Topic, prefix) {
			continue
		}
		_, _ = w.Write(append(e.AppendJSON(nil), '\n'))
		if given++; given == last {
			if n.cutInto {
				_, _ = w.Write(e.AppendJSON(nil)[:50])
			}
			_ = rc.Flush()
			cut(rc)
			return
		}
	}
}
