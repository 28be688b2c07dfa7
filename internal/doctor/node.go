package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/daemon"
)

// maxAnswer bounds an answer of the node.
const maxAnswer = 16 << 20

// node is the running node, as far as there is one. It does not change behind reach.
type node struct {
	subject *Subject
	client  *http.Client
	base    string // http://HOST

	running bool
	unasked error          // why it may not be asked at all: its address, or the token that would go there
	why     error          // why it does not answer
	unready error          // what it says where it takes no messages, or not the token
	started daemon.Started // what it was started with, where it says so
	hidden  error          // why it does not say so
}

// newNode prepares the connection to the subject's node. Where the address is none, or the token would go there for all to read, there
// is no node.
func newNode(s *Subject) *node {
	n := &node{subject: s, base: strings.TrimSuffix(s.Node, "/")}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy
	if path, isSocket := strings.CutPrefix(s.Node, "unix://"); isSocket {
		if plain, err := url.PathUnescape(path); err == nil {
			path = plain
		}
		n.base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	n.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	judge, err := client.New(client.Options{Node: s.Node, Token: s.Token})
	if err != nil {
		n.unasked = err
		return n
	}
	judge.Close()
	return n
}

// ask decodes the answer of a route into the value, also where its status is not one of success. An error of the node has its code.
func (n *node) ask(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.base+path, nil)
	if err != nil {
		return err
	}
	if n.subject.Token != "" {
		req.Header.Set("Authorization", "Bearer "+n.subject.Token)
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return plain(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return plain(err)
	}
	var refused struct {
		Error *struct {
			Code    fedmsg.Code `json:"code"`
			Message string      `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(b, &refused) == nil && refused.Error != nil {
		return fedmsg.Errorf(refused.Error.Code, "%s", refused.Error.Message)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("the answer of %s is not that of a node: %w", path, err)
	}
	return nil
}

// plain takes method and address out of the error of a request, which stand elsewhere.
func plain(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// reach finds out whether the node is there.
func (n *node) reach(ctx context.Context) {
	if n.unasked != nil {
		return
	}
	var ready struct {
		Status string `json:"status"`
	}
	err := n.ask(ctx, "/readyz", &ready)
	if e, ok := errors.AsType[*fedmsg.Error](err); ok {
		n.unready, err = e, nil
	}
	n.running, n.why = err == nil, err
	if n.running {
		n.hidden = n.ask(ctx, "/v1/config", &n.started)
	}
}

// absent reports whether it is certain that no node runs: one that could not be asked may.
func (n *node) absent() bool {
	return !n.running && n.unasked == nil && !errors.Is(n.why, syscall.EACCES) && !errors.Is(n.why, context.DeadlineExceeded)
}

// cureOfRefusal is what who asks can do about an answer that is a refusal.
func (n *node) cureOfRefusal(err error) string {
	if n.subject.Token != "" && fedmsg.CodeOf(err) == fedmsg.CodeUnauthenticated {
		return "show a token that the node knows (`fedmsg token ls`), or none: FEDMSG_TOKEN, --token-file"
	}
	return "run this on the node's machine, as root or as the user that the node runs as"
}

// presence says whether there is a node, and which.
func (n *node) presence(context.Context) []Finding {
	at := n.subject.Node
	switch {
	case n.unasked != nil:
		_, text := fedmsg.Public(n.unasked)
		return []Finding{failed(at, "the node is not asked: "+text+"; the rest is what its files say", "name its socket, as unix:///run/fedmsg/fedmsg.sock, or an address that begins with https, by --node, FEDMSG_NODE or the key node")}
	case errors.Is(n.why, syscall.EACCES):
		return []Finding{failed(at, "this user may not connect to its socket, so nothing is known of the node", "run it as root or as the user that the node runs as")}
	case !n.running:
		return []Finding{failed(at, fmt.Sprintf("no node answers: %s; the rest is what its files say", reason(n.why)),
			"start it with `systemctl start fedmsg` or `fedmsg serve`; why it ended says `journalctl -u fedmsg`")}
	case fedmsg.CodeOf(n.unready) == fedmsg.CodeUnauthenticated:
		return []Finding{failed(at, "the node answers, and tells nothing to this token: "+n.unready.Error(), n.cureOfRefusal(n.unready))}
	}
	var all []Finding
	if n.unready != nil {
		all = append(all, failed(at, "the node takes no messages: "+n.unready.Error(), "what follows says why; see also `journalctl -u fedmsg`"))
	}
	switch running, here := n.started.Version, n.subject.Version; {
	case n.hidden != nil:
		all = append(all, ok(at, "the node answers"))
	case running != here:
		all = append(all, warning(at, fmt.Sprintf("the node runs version %s, and this program is %s", running, here), "restart it, so that it is the installed one: `systemctl restart fedmsg`"))
	default:
		all = append(all, ok(at, "version %s, process %d, runs since %s", running, n.started.PID, n.started.Since.Format("2006-01-02 15:04:05Z07:00")))
	}
	return all
}
