package process

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// silentServer takes connections and says nothing.
func silentServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			all = append(all, c)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
		for _, c := range all {
			c.Close()
		}
	})
	return l.Addr().String()
}

// TestSinkGoneTouchesNobody holds that destinations which are not there, say nothing, never end or refuse everything cost neither a
// publisher an answer nor another sink a message, its order or its time, and that the node stops as fast as ever.
func TestSinkGoneTouchesNobody(t *testing.T) {
	t.Parallel()
	good, hangs := newRecorder(t), program(t, "exec sleep 3600")
	silent := silentServer(t)
	var config strings.Builder
	config.WriteString(good.config("good", "in_flight = 1"))
	for name, line := range map[string]string{
		"absent":      `to = "unix:///nonexistent/node.sock"`,
		"closed":      `to = "amqp://127.0.0.1:1/"`,
		"mute-amqp":   fmt.Sprintf("to = %q", "amqp://"+silent+"/"),
		"mute-stomp":  fmt.Sprintf("to = %q", "stomp://"+silent),
		"mute-nats":   fmt.Sprintf("to = %q", "nats://"+silent+"?jetstream=yes"),
		"mute-node":   fmt.Sprintf("to = %q", "http://"+silent),
		"never-ends":  fmt.Sprintf("command = [%q]", hangs),
		"always-says": `command = ["/bin/false"]`,
	} {
		fmt.Fprintf(&config, "[[sink]]\nname = %q\n%s\ntopics = [\"#\"]\nretry_first = \"1ms\"\nretry_max = \"20ms\"\nattempts = 100000\n", name, line)
	}
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: config.String()})
	count := fedmsgtest.Count(200, 2000)
	var lines bytes.Buffer
	var want []string
	for n := range count {
		fmt.Fprintln(&lines, numbered(n, "a.b.c", ""))
		want = append(want, fmt.Sprint(n))
	}
	taken := 0
	err := node.PublishLines(t.Context(), &lines, func(i int, o fedmsg.Outcome) {
		if o.Err != nil {
			t.Errorf("line %d: %s", i, o.Err)
		}
		taken++
	})
	if err != nil || taken != count {
		t.Fatalf("%d of %d were answered: %v", taken, count, err)
	}
	delivered(t, node, numbered(count-1, "a.b.c", ""), "good")
	if got := good.numbers(); got != strings.Join(want, " ") {
		t.Errorf("the good one was given %q", got)
	}
	for _, name := range []string{"absent", "closed", "always-says"} {
		p := peers{t: t}
		p.until(name+" says what is wrong", func() bool { s := sinkOf(t, node, name); return s.LastError != "" && s.Lag == uint64(count) })
	}
	if s := sinkOf(t, node, "good"); s.Lag != 0 || s.LastError != "" {
		t.Errorf("%+v", s)
	}
	if status, body, err := node.Get(t.Context(), "/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("the node is not ready: %d %s %v", status, body, err)
	}
	table := cliOK(t, node, "sink", "ls")
	if strings.Count(table, "\n") < 9 || strings.Contains(table, "\ngood     waiting") {
		t.Errorf("sink ls prints\n%s", table)
	}
	for _, name := range []string{"never-ends", "mute-amqp", "mute-node", "closed"} { // also while it is being waited for
		cliOK(t, node, "sink", "pause", name)
		cliOK(t, node, "sink", "rewind", name, "--to", "now")
		cliOK(t, node, "sink", "resume", name)
	}
	// Behind its deadline its status is not 0.
	t.Logf("measured: it stops in %s", node.Stop(t).Round(time.Millisecond))
	// What was not delivered waits, and is not lost.
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	if s := sinkOf(t, node, "never-ends"); s.Dead != 0 {
		t.Errorf("what was cut off counts as given up: %+v", s)
	}
	if s := sinkOf(t, node, "absent"); s.Lag != uint64(count) || s.Dead != 0 {
		t.Errorf("behind a restart %+v", s)
	}
}
