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
	why     error          // why it does not answer
	unready string         // what it says where it takes no messages
	started daemon.Started // what it was started with, where it says so
	hidden  error          // why it does not say so
}

func newNode(s *Subject) *node {
	n := &node{subject: s, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	n.base = strings.TrimSuffix(s.Node, "/")
	if path, isSocket := strings.CutPrefix(s.Node, "unix://"); isSocket {
		path, _, _ = strings.Cut(path, "?")
		if plain, err := url.PathUnescape(path); err == nil {
			path = plain
		}
		n.base = "http://localhost"
		n.client.Transport = &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			},
		}
	}
	return n
}

// ask decodes the answer of a route into the value, also where its status is not one of success. An error of the node has its code.
func (n *node) ask(ctx context.Context, path string, into any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.base+path, nil)
	if err != nil {
		return 0, err
	}
	if n.subject.Token != "" {
		req.Header.Set("Authorization", "Bearer "+n.subject.Token)
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return 0, plain(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.StatusCode, plain(err)
	}
	var refused struct {
		Error *struct {
			Code    fedmsg.Code `json:"code"`
			Message string      `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(b, &refused) == nil && refused.Error != nil {
		return resp.StatusCode, fedmsg.Errorf(refused.Error.Code, "%s", refused.Error.Message)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return resp.StatusCode, fmt.Errorf("the answer of %s is not that of a node: %w", path, err)
	}
	return resp.StatusCode, nil
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
	var ready struct {
		Status string `json:"status"`
	}
	_, err := n.ask(ctx, "/readyz", &ready)
	if e, ok := errors.AsType[*fedmsg.Error](err); ok {
		n.unready, err = e.Message, nil
	}
	n.running, n.why = err == nil, err
	if n.running {
		_, n.hidden = n.ask(ctx, "/v1/config", &n.started)
	}
}

// presence says whether there is a node, and which.
func (n *node) presence(context.Context) []Finding {
	at := n.subject.Node
	switch {
	case errors.Is(n.why, syscall.EACCES):
		return []Finding{failed(at, "this user may not connect to its socket, so nothing is known of the node", "run it as root or as the user that the node runs as")}
	case !n.running:
		return []Finding{failed(at, fmt.Sprintf("no node answers: %s; the rest is what its files say", reason(n.why)),
			"start it with `systemctl start fedmsg` or `fedmsg serve`; why it ended says `journalctl -u fedmsg`")}
	}
	var all []Finding
	if n.unready != "" {
		all = append(all, failed(at, "the node takes no messages: "+n.unready, "what follows says why; see also `journalctl -u fedmsg`"))
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
