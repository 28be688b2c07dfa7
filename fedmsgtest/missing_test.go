package fedmsgtest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder stands in for a test and notes how it was ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(f string, a ...any) {
	r.skipped = fmt.Sprintf(f, a...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(f string, a ...any) {
	r.failed = fmt.Sprintf(f, a...)
	runtime.Goexit()
}

func TestMissing(t *testing.T) {
	for require, wantFailure := range map[string]bool{"": false, "all": true} {
		t.Setenv("FEDMSG_TEST_REQUIRE", require)
		r := new(recorder)
		var ended sync.WaitGroup
		ended.Go(func() { Missing(r, "a second moon") }) // which does not return
		ended.Wait()
		if failed := strings.Contains(r.failed, "a second moon"); failed != wantFailure || (r.skipped == "") != wantFailure {
			t.Errorf("with FEDMSG_TEST_REQUIRE=%q: %+v", require, r)
		}
	}
}

// TestEnvironIsCleaned shows that nothing that fedmsg reads comes from the surroundings.
func TestEnvironIsCleaned(t *testing.T) {
	t.Setenv("FEDMSG_HTTP_LISTEN", "surroundings")
	t.Setenv("XDG_STATE_HOME", "surroundings")
	t.Setenv("STATE_DIRECTORY", "surroundings")
	for _, kv := range (home{"/h"}).environ([]string{"FEDMSG_NODE=mine"}) {
		if strings.Contains(kv, "surroundings") {
			t.Errorf("%s is handed on", kv)
		}
	}
}

// TestAwaitLine waits for a line that comes in two pieces, and for one that a dying node has printed.
func TestAwaitLine(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	n := &Node{out: newOutput(), run: &run{ended: make(chan struct{})}}
	fmt.Fprint(n.out, "listening on http://old\n")
	before := len(n.Logs())
	fmt.Fprint(n.out, "listening on http:")
	go fmt.Fprint(n.out, "//127.0.0.1:1\nmore\n")
	if got, err := n.AwaitLine(ctx, before, "listening on "); err != nil || got != "http://127.0.0.1:1" {
		t.Errorf("got %q, %v", got, err)
	}
	close(n.run.ended)
	if _, err := n.AwaitLine(ctx, before, "never"); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("of a node that has ended: %v", err)
	}
}

func TestParseOutcome(t *testing.T) {
	for answer, ok := range map[string]bool{
		`{"id":"a","position":"k3v5q2m7x4ab-1","seq":1,"received":"2026-01-02T03:04:05Z","duplicate":false}`: true,
		`{"error":{"code":"bad_topic","message":"no"}}`:                                                      false,
		`{}`:    false,
		`oh no`: false,
	} {
		if o := ParseOutcome([]byte(answer)); (o.Err == nil) != ok {
			t.Errorf("%s: %+v", answer, o)
		}
	}
}
