package zmtp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// interopCase is one meeting of two sockets, of which one is libzmq's.
type interopCase struct {
	left, right    SocketType
	transport      string // tcp or ipc
	mechanism      string
	leftBinds      bool
	connectorFirst bool // the one that connects is there before the one that binds
	leftIsLibzmq   bool
}

// String names the case.
func (c interopCase) String() string {
	who := func(kind SocketType, libzmq, binds bool) string {
		text := "our " + kind.String()
		if libzmq {
			text = "libzmq's " + kind.String()
		}
		if binds {
			return text + " (binds)"
		}
		return text
	}
	first := "who binds is first"
	if c.connectorFirst {
		first = "who connects is first"
	}
	return fmt.Sprintf("%s and %s, %s, %s, %s", who(c.left, c.leftIsLibzmq, c.leftBinds),
		who(c.right, !c.leftIsLibzmq, !c.leftBinds), c.transport, c.mechanism, first)
}

// interopPairs are the pairs of sockets, each with what is said between them.
var interopPairs = []struct {
	left, right SocketType
	talk        func(c interopCase, left, right party) error
}{
	{PUB, SUB, talkPublish},
	{XPUB, SUB, talkPublish},
	{PUB, XSUB, talkPublish},
	{XPUB, XSUB, talkPublish},
	{PUSH, PULL, talkOneWay},
	{REQ, REP, talkAsk},
	{REQ, ROUTER, talkAsk},
	{DEALER, REP, talkAsk},
	{DEALER, ROUTER, talkAsk},
	{DEALER, DEALER, talkBothWays},
	{ROUTER, ROUTER, talkRouters},
}

// TestInterop lets each pair of sockets meet in every way, with libzmq on either side.
func TestInterop(t *testing.T) {
	t.Parallel()
	for _, pair := range interopPairs {
		t.Run(pair.left.String()+"-"+pair.right.String(), func(t *testing.T) {
			t.Parallel()
			w := newInteropWorld(t)
			for c := range interopCases {
				c.left, c.right = pair.left, pair.right
				if err := w.meet(c, pair.talk); err != nil {
					t.Errorf("%s: %v", c, err)
				}
			}
		})
	}
}

// interopCases gives all ways to meet.
func interopCases(yield func(interopCase) bool) {
	both := []bool{false, true}
	for _, transport := range []string{"tcp", "ipc"} {
		for _, mechanism := range []string{"NULL", "PLAIN", "CURVE"} {
			for i := range 8 {
				if !yield(interopCase{
					transport: transport, mechanism: mechanism,
					leftBinds: both[i&1], connectorFirst: both[i>>1&1], leftIsLibzmq: both[i>>2&1],
				}) {
					return
				}
			}
		}
	}
}

// interopWorld is what the cases of a test have in common.
type interopWorld struct {
	libzmq         *pythonPeer
	dir            string
	client, server CurvePair
}

// interopPlaces counts the addresses that were given out.
var interopPlaces atomic.Uint32

func newInteropWorld(t *testing.T) *interopWorld {
	t.Helper()
	dir, err := os.MkdirTemp("", "zmtp") // that of the test is too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &interopWorld{libzmq: startPython(t), dir: dir, client: NewCurvePair(), server: NewCurvePair()}
	if _, err := w.libzmq.do("allow", map[string]any{
		"plain": [][]string{{"alice", "pass phrase"}}, "keys": []string{w.client.Public.String()},
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// place gives an address that nobody has: a port that is free now may be taken before it is bound, so that each gets a
// loopback address of its own.
func (w *interopWorld) place(transport string) string {
	n := interopPlaces.Add(1)
	if transport == "ipc" {
		return "ipc://" + filepath.Join(w.dir, fmt.Sprint(n))
	}
	return fmt.Sprintf("tcp://127.%d.%d.%d:9940", 1+os.Getpid()%250, n/250%250, 1+n%250)
}

// security gives both sides' options of a mechanism; the server is one or the other, whoever binds.
func (w *interopWorld) security(mechanism string, weServe bool) (ours Security, theirs map[string]any) {
	switch {
	case mechanism == "PLAIN" && weServe:
		return PlainServer{Authorise: func(_ Peer, username, password string) (string, error) {
			if username != "alice" || password != "pass phrase" {
				return "", errors.New("a stranger")
			}
			return username, nil
		}}, map[string]any{"PLAIN_USERNAME": "alice", "PLAIN_PASSWORD": "pass phrase"}
	case mechanism == "PLAIN":
		return PlainClient{"alice", "pass phrase"}, map[string]any{"PLAIN_SERVER": 1}
	case mechanism == "CURVE" && weServe:
		return CurveServer{Keys: w.server, Authorise: func(_ Peer, key CurveKey) (string, error) {
				if key != w.client.Public {
					return "", errors.New("a stranger")
				}
				return "alice", nil
			}}, map[string]any{
				"CURVE_SERVERKEY": w.server.Public.String(),
				"CURVE_PUBLICKEY": w.client.Public.String(), "CURVE_SECRETKEY": w.client.Secret.Reveal(),
			}
	case mechanism == "CURVE":
		return CurveClient{Keys: w.client, ServerKey: w.server.Public},
			map[string]any{"CURVE_SERVER": 1, "CURVE_SECRETKEY": w.server.Secret.Reveal()}
	}
	return nil, map[string]any{}
}

// meet makes the two sockets, and lets them talk.
func (w *interopWorld) meet(c interopCase, talk func(c interopCase, left, right party) error) (err error) {
	weServe := c.leftBinds != c.connectorFirst // each side is the mechanism's server once, binding and connecting
	security, options := w.security(c.mechanism, weServe)
	names := [2]string{"left", "right"}
	kinds := [2]SocketType{c.left, c.right}
	open := func(side int) (party, error) {
		if c.leftIsLibzmq == (side == 0) {
			if kinds[side] == ROUTER && kinds[1-side] == ROUTER {
				options["ROUTING_ID"], options["ROUTER_MANDATORY"] = names[side], 1
			}
			return w.libzmq.open(kinds[side], options)
		}
		return openOurs(kinds[side], Options{
			Identity: []byte(names[side]), Security: security, ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		})
	}
	binder, connector := 1, 0
	if c.leftBinds {
		binder, connector = 0, 1
	}
	uri := w.place(c.transport)
	var sides [2]party
	bind := func() error {
		if sides[binder], err = open(binder); err != nil {
			return err
		}
		bound, err := sides[binder].bind(uri)
		if err == nil && bound != uri {
			err = fmt.Errorf("bound to %s instead of %s", bound, uri)
		}
		return err
	}
	connect := func() error {
		if sides[connector], err = open(connector); err != nil {
			return err
		}
		return sides[connector].connect(uri)
	}
	defer func() {
		for _, side := range sides {
			if side != nil {
				err = errors.Join(err, side.close())
			}
		}
	}()
	steps := []func() error{bind, connect}
	if c.connectorFirst {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if err := talk(c, sides[0], sides[1]); err != nil {
		return fmt.Errorf("%w; %s", err, sideOfOurs(sides).state())
	}
	if ours, ok := sides[1].(*ourSocket); ok && weServe && c.mechanism != "NULL" && (c.right == REP || c.right == ROUTER) {
		if ours.from.User != "alice" {
			return fmt.Errorf("the peer is taken for %q", ours.from.User)
		}
	}
	return nil
}

// sideOfOurs gives the side that is not libzmq's.
func sideOfOurs(sides [2]party) *ourSocket {
	if ours, ok := sides[0].(*ourSocket); ok {
		return ours
	}
	return sides[1].(*ourSocket)
}

// interopShapes are messages of all kinds of frames.
var interopShapes = [][]string{
	{"one"},
	{"several", "", "frames\x00\xff"},
	{strings.Repeat("s", 255), strings.Repeat("l", 256)},
	{strings.Repeat("big", 70_000), ""},
}

// expect receives a message, which must be the one that is wanted.
func expect(from party, want ...string) error {
	got, err := from.receive(patientWait)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s came instead of %s", shorten(got), shorten(want))
	}
	return nil
}

// shorten shows a message in an error.
func shorten(message []string) string {
	if message == nil {
		return "nothing"
	}
	text := fmt.Sprintf("%q", message)
	return text[:min(len(text), 200)]
}

// pass sends a message and receives it on the other side.
func pass(from, to party, message ...string) error {
	if err := from.send(message...); err != nil {
		return err
	}
	return expect(to, message...)
}

func talkOneWay(_ interopCase, left, right party) error {
	for _, shape := range append(interopShapes, []string{""}) {
		if err := pass(left, right, shape...); err != nil {
			return err
		}
	}
	return nil
}

func talkBothWays(c interopCase, left, right party) error {
	return errors.Join(talkOneWay(c, left, right), talkOneWay(c, right, left))
}

func talkRouters(_ interopCase, left, right party) error {
	for _, shape := range interopShapes {
		if err := left.send(append([]string{"right"}, shape...)...); err != nil {
			return err
		}
		if err := expect(right, append([]string{"left"}, shape...)...); err != nil {
			return err
		}
		if err := right.send(append([]string{"left"}, shape...)...); err != nil {
			return err
		}
		if err := expect(left, append([]string{"right"}, shape...)...); err != nil {
			return err
		}
	}
	return nil
}

// talkAsk asks and answers, each side in its socket's form.
func talkAsk(c interopCase, left, right party) error {
	var head []string // what the asker puts before what it asks
	if c.left == DEALER && c.right == REP {
		head = []string{""}
	}
	for _, shape := range interopShapes {
		if err := left.send(append(slices.Clone(head), shape...)...); err != nil {
			return err
		}
		got, err := right.receive(patientWait)
		if err != nil {
			return err
		}
		var envelope []string
		if c.right == ROUTER && len(got) > 0 {
			if c.left == REQ {
				head = []string{""}
			}
			envelope = append([]string{got[0]}, head...)
		}
		if !slices.Equal(got, append(slices.Clone(envelope), shape...)) {
			return fmt.Errorf("the request came as %s instead of %s", shorten(got), shorten(shape))
		}
		if err := right.send(append(envelope, "re", shape[0])...); err != nil {
			return err
		}
		if c.left == REQ {
			head = nil
		}
		if err := expect(left, append(slices.Clone(head), "re", shape[0])...); err != nil {
			return err
		}
	}
	return nil
}

// talkPublish subscribes, publishes, and cancels.
func talkPublish(c interopCase, left, right party) error {
	if err := right.subscribe(false, "a", "b"); err != nil {
		return err
	}
	if err := awaitSubscribed(left, right, "a", "b"); err != nil {
		return err
	}
	if c.left == XPUB {
		if err := expectSet(left, "\x01a", "\x01b"); err != nil {
			return err
		}
	}
	for _, shape := range interopShapes {
		if err := left.send(append([]string{"other"}, shape...)...); err != nil {
			return err
		}
		for _, topic := range []string{"a", "b.c"} {
			if err := pass(left, right, append([]string{topic}, shape...)...); err != nil {
				return err
			}
		}
	}
	if c.left == XPUB && c.right == XSUB {
		if err := pass(right, left, "up", "stream"); err != nil {
			return err
		}
	}
	return cancelOne(c, left, right)
}

// cancelOne cancels the subscription to b, after which only a comes.
func cancelOne(c interopCase, left, right party) error {
	if err := right.subscribe(true, "b"); err != nil {
		return err
	}
	if c.left == XPUB {
		if err := expect(left, "\x00b"); err != nil {
			return err
		}
		if err := left.send("b"); err != nil {
			return err
		}
		return pass(left, right, "a", "last")
	}
	// When the publisher has heard of it, b no longer comes.
	deadline := time.Now().Add(patientWait)
	for n := 0; time.Now().Before(deadline); n++ {
		if err := errors.Join(left.send("b"), left.send("a", fmt.Sprint(n))); err != nil {
			return err
		}
		got, err := right.receive(patientWait)
		if err != nil {
			return err
		}
		if slices.Equal(got, []string{"a", fmt.Sprint(n)}) {
			return nil
		}
		if err := expect(right, "a", fmt.Sprint(n)); err != nil {
			return err
		}
	}
	return errors.New("what was cancelled still comes")
}

// awaitSubscribed publishes until something comes of each prefix, and until all of that has come.
func awaitSubscribed(left, right party, prefixes ...string) error {
	deadline := time.Now().Add(patientWait)
	for _, prefix := range prefixes {
		for {
			if err := left.send(prefix, "sync"); err != nil {
				return err
			}
			got, err := right.receive(5 * time.Millisecond)
			if err != nil {
				return err
			}
			if len(got) > 0 && got[0] == prefix {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the publisher does not hear of the subscription to %q", prefix)
			}
		}
	}
	if err := left.send(prefixes[0], "synced"); err != nil {
		return err
	}
	for {
		got, err := right.receive(patientWait)
		switch {
		case err != nil:
			return err
		case got == nil:
			return errors.New("a message did not come")
		case slices.Equal(got, []string{prefixes[0], "synced"}):
			return nil
		}
	}
}

// expectSet receives messages of one frame, in any order.
func expectSet(from party, want ...string) error {
	var all []string
	for range want {
		got, err := from.receive(patientWait)
		if err != nil {
			return err
		}
		if len(got) != 1 {
			return fmt.Errorf("%s came behind %d subscriptions; %d are due", shorten(got), len(all), len(want))
		}
		all = append(all, got[0])
	}
	slices.Sort(all)
	slices.Sort(want)
	if !slices.Equal(all, want) {
		return fmt.Errorf("%q came instead of %q", all, want)
	}
	return nil
}
