package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestSinkTrouble holds that the table of sinks says why one does not get on, also where it is connected and its entries wait, and
// nothing of a trouble that is over.
func TestSinkTrouble(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, c := range map[string]struct {
		sink deliver.Status
		says string
	}{
		"waiting":             {deliver.Status{State: deliver.StateWaiting, LastError: "no", LastTime: ago(time.Hour)}, "no"},
		"stopped":             {deliver.Status{State: deliver.StateStopped, LastError: "full", LastTime: ago(time.Hour)}, "full"},
		"running and stuck":   {deliver.Status{State: deliver.StateRunning, LagTime: 60, LastError: "a nack", LastTime: ago(50 * time.Second)}, "a nack"},
		"trouble before that": {deliver.Status{State: deliver.StateRunning, LagTime: 1, LastError: "a nack", LastTime: ago(50 * time.Second)}, ""},
		"nothing waits":       {deliver.Status{State: deliver.StateRunning, LastError: "a nack", LastTime: ago(time.Second)}, ""},
		"no trouble yet":      {deliver.Status{State: deliver.StateRunning, LagTime: 60}, ""},
		"paused":              {deliver.Status{State: deliver.StatePaused, LagTime: 60, LastError: "a nack", LastTime: now}, ""},
	} {
		if says := sinkTrouble(&c.sink, now); says != c.says {
			t.Errorf("%s: %q, want %q", name, says, c.says)
		}
	}
}

// TestSinksElsewhere holds that who asks for sinks where no node tells of them learns where one does.
func TestSinksElsewhere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		// As a node answers; the test has nothing to do with an error of this answer.
		_, _ = w.Write([]byte(`{"error":{"code":"not_found","message":"there is no ` + r.URL.Path + ` here; there are: GET /healthz"}}`))
	}))
	defer server.Close()
	for _, args := range [][]string{
		{"sink", "ls"}, {"sink", "pause", "a"}, {"source", "ls"}, {"dead", "list"}, {"dead", "drop", "sink/a/1"},
	} {
		var out, log strings.Builder
		p := &program{
			name: "fedmsg", args: append(args, "--node", server.URL), stdin: strings.NewReader(""), stdout: &out, stderr: &log,
			environ: func() []string { return []string{"HOME=" + t.TempDir()} },
		}
		if status := p.run(t.Context()); status != 65 || !strings.Contains(log.String(), "--node unix:///PATH") || out.Len() > 0 {
			t.Errorf("%q: %d %q %q", args, status, out.String(), log.String())
		}
	}
}

// TestPublishRemark holds that a publisher who waits is told what the other side remarked, as that nobody gets the message.
func TestPublishRemark(t *testing.T) {
	t.Parallel()
	done := []fedmsg.Delivery{{Sink: "a", State: fedmsg.DeliveryDelivered}, {Sink: "b", State: fedmsg.DeliveryDelivered, Reason: "nobody gets it"}}
	for _, c := range []struct {
		asJSON bool
		says   string
	}{{false, "publish: b has it, and remarks: nobody gets it\n"}, {true, ""}} {
		var log strings.Builder
		p := &program{stderr: &log}
		if err := p.judgeDeliveries(&cobra.Command{Use: "publish"}, done, c.asJSON); err != nil || log.String() != c.says {
			t.Errorf("as JSON %v: %v, %q, want %q", c.asJSON, err, log.String(), c.says)
		}
	}
}
