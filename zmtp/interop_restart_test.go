package zmtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// restartKind is who is killed and started again in the middle of a stream.
type restartKind struct {
	from, to     SocketType // from binds
	transport    string
	senderKilled bool
	libzmqKilled bool
}

// TestRestart kills one side of a stream and starts it again, 20 times, with libzmq as one of the two. What comes is in order
// and whole, and it comes again after each start.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, kinds := range [][2]SocketType{{PUB, SUB}, {PUSH, PULL}} {
		for i := range 4 {
			k := restartKind{from: kinds[0], to: kinds[1], transport: "tcp", senderKilled: i&1 == 0, libzmqKilled: i&2 == 0}
			if k.from == PUSH {
				k.transport = "ipc"
			}
			killed, whose := k.to, "our "
			if k.senderKilled {
				killed = k.from
			}
			if k.libzmqKilled {
				whose = "libzmq's "
			}
			t.Run(whose+killed.String(), func(t *testing.T) {
				t.Parallel()
				w := newInteropWorld(t)
				k.run(t, w.place(k.transport))
			})
		}
	}
}

// run starts and kills. Of a stream a life is from one start of the sender to the next.
func (k restartKind) run(t *testing.T, uri string) {
	restarts := fedmsgtest.Count(5, 200)
	if !k.senderKilled {
		stopSender := k.startSender(t, !k.libzmqKilled, uri, 0)
		defer stopSender()
		for range restarts {
			check := new(streamCheck)
			receive, kill := k.startReceiver(t, k.libzmqKilled, uri)
			if err := check.take(receive, 0); err != nil {
				t.Fatal(err)
			}
			kill()
		}
		return
	}
	receive, stopReceiver := k.startReceiver(t, !k.libzmqKilled, uri)
	defer stopReceiver()
	check := new(streamCheck)
	for life := range restarts {
		kill := k.startSender(t, k.libzmqKilled, uri, life)
		if err := check.take(receive, life); err != nil {
			t.Fatalf("life %d: %v", life, err)
		}
		kill()
	}
}

// streamCheck looks whether what comes of a stream is in order and whole. Messages may be missing.
type streamCheck struct{ life, number int }

// take receives until 150 messages of a life have come.
func (c *streamCheck) take(receive func() ([]string, error), life int) error {
	for n := 0; n < 150; {
		m, err := receive()
		if err != nil {
			return err
		}
		if err := c.check(m); err != nil {
			return err
		}
		if c.life == life {
			n++
		}
	}
	return nil
}

func (c *streamCheck) check(m []string) error {
	if len(m) != 4 || m[0] != "topic" {
		return fmt.Errorf("%s came", shorten(m))
	}
	life, _ := strconv.Atoi(m[1])
	number, _ := strconv.Atoi(m[2])
	if m[3] != strings.Repeat(m[2], number%200) {
		return fmt.Errorf("message %d came with %s", number, shorten(m[3:]))
	}
	if life < c.life || life == c.life && number <= c.number {
		return fmt.Errorf("message %d of life %d came behind %d of %d", number, life, c.number, c.life)
	}
	c.life, c.number = life, number
	return nil
}

// startSender starts a process that streams until it is stopped.
func (k restartKind) startSender(t *testing.T, libzmq bool, uri string, life int) (kill func()) {
	t.Helper()
	if !libzmq {
		child := startChild(t, "send", k.from.String(), uri, strconv.Itoa(life))
		return child.kill
	}
	p := startPython(t)
	s, err := p.open(k.from, nil)
	if err == nil {
		_, err = s.bind(uri)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.In, `{"op":"stream","id":%d,"life":%d}`+"\n", s.id, life); err != nil {
		t.Fatal(err)
	}
	return p.Kill
}

// startReceiver starts a process that receives until it is stopped.
func (k restartKind) startReceiver(t *testing.T, libzmq bool, uri string) (receive func() ([]string, error), kill func()) {
	t.Helper()
	if !libzmq {
		child := startChild(t, "receive", k.to.String(), uri)
		return child.receive, child.kill
	}
	p := startPython(t)
	s, err := p.open(k.to, nil)
	if err == nil && k.to == SUB {
		err = s.subscribe(false, "top")
	}
	if err == nil {
		err = s.connect(uri)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() ([]string, error) {
		m, err := s.receive(patientWait)
		if err == nil && m == nil {
			err = errors.New("nothing comes any more")
		}
		return m, err
	}, p.Kill
}

// childProcess is a process of this test program that streams with this package's sockets.
type childProcess struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// childVariable tells the test program what to do instead of testing.
const childVariable = "FEDMSG_TEST_ZMTP_CHILD"

// startChild starts one, which ends with the test.
func startChild(t *testing.T, does ...string) *childProcess {
	t.Helper()
	c := &childProcess{cmd: exec.Command(os.Args[0], "-test.run=^TestChild$")}
	c.cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(does, " "))
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

func (c *childProcess) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	_ = c.cmd.Wait()
}

func (c *childProcess) receive() ([]string, error) {
	late := time.AfterFunc(patientWait, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	if !c.lines.Scan() {
		return nil, errors.New("nothing comes any more, or the process ended")
	}
	return strings.Split(c.lines.Text(), ","), nil
}

// TestChild is no test, but what a [childProcess] does.
func TestChild(t *testing.T) {
	does := strings.Fields(os.Getenv(childVariable))
	if len(does) == 0 {
		return
	}
	kind, _ := parseSocketType(does[1])
	if err := childMain(does[0], kind, does[2], does[3:]); err != nil {
		t.Fatal(err)
	}
}

func childMain(does string, kind SocketType, uri string, more []string) error {
	s, err := openOurs(kind, Options{ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	if does == "send" {
		if _, err := s.bind(uri); err != nil {
			return err
		}
		return childStream(s, more[0])
	}
	if kind == SUB {
		if err := s.subscribe(false, "top"); err != nil {
			return err
		}
	}
	if err := s.connect(uri); err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for {
		m, err := s.read(context.Background())
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, strings.Join(texts(m), ",")+"\n"); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

// childStream sends as testdata/interop.py does.
func childStream(s *ourSocket, life string) error {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for n := 1; ; n++ {
		number := strconv.Itoa(n)
		m := asMessage([]string{"topic", life, number, strings.Repeat(number, n%200)})
		if err := s.write(context.Background(), m...); err != nil {
			return err
		}
		if n%100 == 0 {
			<-pace.C
		}
	}
}

// TestManySubscriptionsAfterReconnect lets a publisher go and come back. All of 5,000 subscriptions are there again, less what
// was cancelled in the meantime.
func TestManySubscriptionsAfterReconnect(t *testing.T) {
	t.Parallel()
	prefixes := make([]string, 5000)
	for i := range prefixes {
		prefixes[i] = fmt.Sprintf("org.example.%d.", i)
	}
	for _, ours := range []SocketType{SUB, XPUB} {
		t.Run("our "+ours.String(), func(t *testing.T) {
			t.Parallel()
			w := newInteropWorld(t)
			uri := w.place("tcp")
			// Without a limit: of what is beyond it, libzmq forgets subscriptions too.
			openSub := func() (party, error) { return w.libzmq.open(SUB, map[string]any{"SNDHWM": 0}) }
			openPub := func() (party, error) { return openOurs(XPUB, Options{SendLimit: 10_000}) }
			if ours == SUB {
				openSub = func() (party, error) { return openOurs(SUB, Options{ReconnectMin: time.Millisecond}) }
				openPub = func() (party, error) {
					return killable(startPython(t).open(XPUB, map[string]any{"RCVHWM": 0, "SNDHWM": 0}))
				}
			}
			sub, err := openSub()
			if err == nil {
				err = errors.Join(sub.subscribe(false, prefixes...), sub.connect(uri))
			}
			if err != nil {
				t.Fatal(err)
			}
			wanted := prefixes
			for life := range 3 {
				if err := wantAgain(openPub, uri, sub, wanted, prefixes); err != nil {
					t.Fatalf("life %d: %v", life, err)
				}
				if life == 0 {
					if err := sub.subscribe(true, prefixes[:10]...); err != nil {
						t.Fatal(err)
					}
					wanted = prefixes[10:]
				}
			}
			if err := sub.close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// wantAgain starts a publisher, which must hear of what is wanted and of nothing else.
func wantAgain(openPub func() (party, error), uri string, sub party, wanted, all []string) (err error) {
	pub, err := openPub()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pub.close()) }()
	if _, err := pub.bind(uri); err != nil {
		return err
	}
	told := make([]string, len(wanted))
	for i, prefix := range wanted {
		told[i] = "\x01" + prefix
	}
	if err := expectSet(pokingSocket{pub, sub}, told...); err != nil {
		return fmt.Errorf("%w; %s", err, sideOfOurs([2]party{pub, sub}).state())
	}
	for _, prefix := range all {
		if err := pub.send(prefix); err != nil {
			return err
		}
	}
	for _, prefix := range wanted {
		if err := expect(sub, prefix); err != nil {
			return err
		}
	}
	return nil
}

// pokingSocket receives, and lets the other side do something while nothing comes: libzmq sends subscriptions again in the next
// call of the one who uses the socket, not by itself.
type pokingSocket struct {
	party
	other party
}

func (s pokingSocket) receive(wait time.Duration) ([]string, error) {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); {
		if m, err := s.party.receive(20 * time.Millisecond); m != nil || err != nil {
			return m, err
		}
		if m, err := s.other.receive(time.Millisecond); m != nil || err != nil {
			return nil, fmt.Errorf("%s came to the subscriber: %w", shorten(m), err)
		}
	}
	return nil, nil
}

// killedSocket is one that ends by the end of its process.
type killedSocket struct{ *pythonSocket }

func killable(s *pythonSocket, err error) (party, error) { return killedSocket{s}, err }

func (s killedSocket) close() error {
	s.p.Kill()
	return nil
}
