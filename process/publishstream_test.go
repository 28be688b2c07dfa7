package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// publishThroughDeath streams that many lines through one `fedmsg publish ARGS` and kills the node in the middle. It gives what
// the command left, and starts the node again.
func publishThroughDeath(t *testing.T, lines int, args ...string) (*fedmsgtest.Node, fedmsgtest.Result) {
	t.Helper()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	in, out := io.Pipe()
	fed := make(chan error, 1)
	go func() { // ends when all is written, or nobody reads any more
		var dead error
		for n := range lines {
			if n == lines/2 {
				dead = awaitEntries(node, uint64(lines/4))
				node.Kill9()
			}
			if _, err := out.Write(append(submission(fmt.Sprintf("line-%d", n+1), n+1), '\n')); err != nil {
				break
			}
		}
		out.Close()
		fed <- dead
	}()
	r, err := node.Command(in, append([]string{"publish", "--format", "json", "--timeout", "2s"}, args...)...).Run()
	in.Close()
	if dead := <-fed; err != nil || dead != nil {
		t.Fatal(err, dead)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	return node, r
}

// awaitEntries waits until the log of the node has n entries.
func awaitEntries(node *fedmsgtest.Node, n uint64) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	deadline := time.Now().Add(patience)
	for {
		_, body, err := node.Get(context.Background(), "/v1/log")
		var log fedmsgtest.Log
		if err == nil {
			err = json.Unmarshal(body, &log)
		}
		if err != nil || log.Last >= n {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the log has %d of %d entries after %s", log.Last, n, patience)
		}
		<-again.C
	}
}

// TestPublishStopsWhereNobodyTakes streams lines without a spool and kills the node in the middle: publish stops at the first
// line that was not acknowledged and says which that is; what was is there, and the log has no line with one before it
// missing.
func TestPublishStopsWhereNobodyTakes(t *testing.T) {
	t.Parallel()
	const lines = 20_000
	node, r := publishThroughDeath(t, lines, "--no-spool")
	said := regexp.MustCompile(`^fedmsg publish: stopped at line (\d+), with (\d+) messages acknowledged before it: [^\n]+\n$`).FindStringSubmatch(r.Stderr)
	if said == nil || r.Status != 69 && r.Status != 75 {
		t.Fatalf("status %d, and it said:\n%.2000s", r.Status, r.Stderr)
	}
	stopped, _ := strconv.Atoi(said[1])
	acked, _ := strconv.Atoi(said[2])
	receipts := receiptsOf(t, r.Stdout)
	if stopped != acked+1 || len(receipts) != acked || acked < 1 || acked >= lines {
		t.Errorf("it stopped at line %d with %d acknowledged, and gave %d receipts", stopped, acked, len(receipts))
	}
	entries := node.ReadAll(t)
	for i, e := range entries {
		if e.ID != fmt.Sprintf("line-%d", i+1) {
			t.Fatalf("entry %d is %s", i+1, e.ID)
		}
	}
	verify(t, node, receipts)
	if unknown := len(entries) - acked; unknown > 0 && r.Status != 75 {
		t.Errorf("%d lines behind the last receipt are stored, and the status says that they are not: %d", unknown, r.Status)
	}
	t.Logf("%d acknowledged, %d stored, status %d: %s", acked, len(entries), r.Status, r.Stderr)
}

// TestPublishSpoolsTheRest streams lines and kills the node in the middle: what it did not acknowledge goes to the spool, and
// in the end the log has all lines once and in order.
func TestPublishSpoolsTheRest(t *testing.T) {
	t.Parallel()
	lines := fedmsgtest.Count(4_000, 20_000)
	node, r := publishThroughDeath(t, lines)
	queued := strings.Count(r.Stdout, `"queued":true`)
	if r.Status != 75 || strings.Count(r.Stdout, "\n") != lines || queued == 0 {
		t.Fatalf("status %d, %d lines of which %d are queued; it said:\n%.2000s", r.Status, strings.Count(r.Stdout, "\n"), queued, r.Stderr)
	}
	if err := awaitEntries(node, uint64(lines)); err != nil { // the node drains the spool
		t.Fatal(err)
	}
	entries := node.ReadAll(t)
	for i, e := range entries {
		if e.ID != fmt.Sprintf("line-%d", i+1) {
			t.Fatalf("entry %d is %s", i+1, e.ID)
		}
	}
	verify(t, node, receiptsOf(t, r.Stdout))
	t.Logf("%d acknowledged, %d queued", len(entries)-queued, queued)
}

// receiptsOf reads the receipts that a command has printed, those of queued messages left out.
func receiptsOf(t *testing.T, text string) map[string]fedmsg.Receipt {
	t.Helper()
	receipts := make(map[string]fedmsg.Receipt)
	for line := range bytes.Lines([]byte(text)) {
		if bytes.Contains(line, []byte(`"queued":true`)) {
			continue
		}
		o := fedmsgtest.ParseOutcome(line)
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		receipts[o.Receipt.ID] = o.Receipt
	}
	return receipts
}
