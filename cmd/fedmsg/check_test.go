package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/daemon"
)

// makeLog is "makelog STATE N": a state directory whose log has N entries, a hundred in each write and several segments.
func makeLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: makelog STATE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	log, err := commitlog.Open(daemon.LogDir(ts.MkAbs(args[0])), commitlog.Options{SegmentBytes: 64 << 10})
	ts.Check(err)
	for from := 0; from < n; from += 100 {
		var records []fedmsg.Record
		for i := from; i < min(from+100, n); i++ {
			id := fmt.Sprintf("id-%d", i+1)
			records = append(records, fedmsg.Record{ID: id, Topic: "org.example.dev.a", Sender: "uid:0",
				Envelope: fmt.Appendf(nil, `{"topic":"org.example.dev.a","msg":{"number":%d},"msg_id":"%s"}`, i+1, id)})
		}
		ticket, err := log.Submit(context.Background(), records...)
		ts.Check(err)
		_, err = ticket.Wait(context.Background())
		ts.Check(err)
	}
	ts.Check(log.Close())
}

// flipByte is "flipbyte GLOB OFFSET": one bit is wrong at this offset of the first file of the name; a negative offset counts
// from its end.
func flipByte(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flipbyte GLOB OFFSET")
	}
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(names) == 0 {
		ts.Fatalf("there is no %s", args[0])
	}
	data, err := os.ReadFile(names[0])
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 1
	ts.Check(os.WriteFile(names[0], data, 0o600))
}

// TestAdoptRunning holds that a log is not adopted under a running node, while check and info read it all the same.
func TestAdoptRunning(t *testing.T) {
	state := t.TempDir()
	log, err := commitlog.Open(daemon.LogDir(state), commitlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"log", "adopt"}, fedmsg.CodeLocked.ExitStatus(), "fedmsg log adopt: "},
		{[]string{"log", "info"}, 0, string(log.Info().ID)},
		{[]string{"check", "log"}, 0, "0 entries can be read, 0 cannot"},
	} {
		var out bytes.Buffer
		p := &program{name: "fedmsg", args: append(c.args, "--state", state), stdout: &out, stderr: &out,
			environ: func() []string { return []string{"HOME=" + state} }}
		if status := p.run(t.Context()); status != c.status || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: status %d, not %d: %s", c.args, status, c.status, out.String())
		}
	}
}
