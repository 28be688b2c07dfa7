// Package zmqpeer is what a ZeroMQ library does in one process of a measurement: publish, subscribe, ask or answer. Each library
// has a program of its own with the same command line, the C one in libzmq too:
//
//	ROLE URI COUNT PEERS MECHANISM [WINDOW]
//
// ROLE is pub, sub, req or rep. COUNT is how many messages are published, received by each socket of a sub, or asked for. PEERS
// is how many sockets a sub has. MECHANISM is null, or curve,SERVERPUBLIC,SERVERSECRET,CLIENTPUBLIC,CLIENTSECRET in Z85.
//
// Who binds prints "bound URI" first. A pub sends messages numbered 0 every few milliseconds until a line "go" comes on its
// standard input, then those numbered 1 to COUNT, and ends at a line "done". A sub prints "ready" when each socket has a message,
// and checks that each gets all. A pub loses nothing, unless there is a WINDOW: then it drops what a subscriber does not take, as
// ZeroMQ does, but is never more than WINDOW messages ahead of the last line "ack NUMBER", which the sub prints at each quarter
// of it that all its sockets have. At the end each but a rep, which is killed, prints one line of JSON, see Result.
package zmqpeer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Topic is the first frame of each message, and MessageBytes what the second has.
const (
	Topic        = "org.fedoraproject.prod.buildsys.build.state.change.for.bench"
	MessageBytes = 1024
)

// Result is what a process measured.
type Result struct {
	Count   int     `json:"count"`   // messages: published, received by all sockets together, or answered
	Seconds float64 `json:"seconds"` // from the first message to the last
	CPU     float64 `json:"cpu"`     // seconds of processor time, of the whole process, since it was ready
	RSS     int64   `json:"rss"`     // the most bytes that were resident
	P50     float64 `json:"p50"`     // microseconds of a request and its reply
	P99     float64 `json:"p99"`
}

// Curve is the keys of a measurement, in Z85.
type Curve struct{ ServerPublic, ServerSecret, ClientPublic, ClientSecret string }

// Library is what a ZeroMQ library can do. Each function makes a socket; curve is nil for none. A pub loses nothing, unless drop
// says that who is slow misses messages.
type Library struct {
	Pub func(uri string, curve *Curve, drop bool) (bound string, send func(topic, body []byte) error, err error)
	Sub func(uri string, curve *Curve) (receive func() (body []byte, err error), err error)
	Req func(uri string, curve *Curve) (ask func(body []byte) (reply []byte, err error), err error)
	Rep func(uri string, curve *Curve) (bound string, answer func() error, err error)
}

// Main plays the part that the command line says, and ends the process.
func Main(l Library) {
	if err := run(l, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0) // without closing sockets: what counts is measured
}

// part is one command line.
type part struct {
	lib    Library
	uri    string
	count  int
	peers  int
	curve  *Curve
	window int
	stdin  *bufio.Scanner
}

func run(l Library, args []string) error {
	if len(args) < 5 {
		return fmt.Errorf("usage: ROLE URI COUNT PEERS MECHANISM [WINDOW]")
	}
	p := part{lib: l, uri: args[1], stdin: bufio.NewScanner(os.Stdin)}
	for i, to := range map[int]*int{2: &p.count, 3: &p.peers, 5: &p.window} {
		if i >= len(args) {
			continue
		}
		n, err := strconv.Atoi(args[i])
		if err != nil {
			return err
		}
		*to = n
	}
	if keys, ok := strings.CutPrefix(args[4], "curve,"); ok {
		k := strings.Split(keys, ",")
		if len(k) != 4 {
			return fmt.Errorf("curve has four keys")
		}
		p.curve = &Curve{k[0], k[1], k[2], k[3]}
	}
	role, ok := map[string]func() (Result, error){"pub": p.publish, "sub": p.subscribe, "req": p.ask, "rep": p.answer}[args[0]]
	if !ok {
		return fmt.Errorf("there is no role %q", args[0])
	}
	result, err := role()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
