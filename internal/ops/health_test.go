package ops

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

func TestReport(t *testing.T) {
	ok, warn, bad := Check{"log", OK, "fine"}, Check{"clock", Warning, "went back 2 s"}, Check{"disk", Failed, "full\n"}
	for _, c := range []struct {
		checks []Check
		status Status
		http   int
	}{
		{nil, OK, 200},
		{[]Check{ok}, OK, 200},
		{[]Check{warn, ok}, Warning, 200},
		{[]Check{ok, bad, warn}, Failed, 503},
		{[]Check{{"x", "strange", ""}, warn}, "strange", 503},
	} {
		r := NewReport(c.checks...)
		if r.Status != c.status || r.HTTPStatus() != c.http {
			t.Errorf("%v: got %s and %d, want %s and %d", c.checks, r.Status, r.HTTPStatus(), c.status, c.http)
		}
		var back Report
		if err := json.Unmarshal(r.AppendJSON(nil), &back); err != nil {
			t.Fatal(err)
		}
		if back.Status != r.Status || len(back.Checks) != len(r.Checks) || len(r.Checks) > 0 && !reflect.DeepEqual(back.Checks, r.Checks) {
			t.Errorf("as JSON %s", r.AppendJSON(nil))
		}
	}
	g := Gather(func() []Check { return []Check{ok, warn} }, func() []Check { return nil }, func() []Check { return []Check{bad} })
	if !reflect.DeepEqual(g, NewReport(ok, warn, bad)) {
		t.Errorf("gathered %v", g)
	}
	if got := string(NewReport().AppendJSON(nil)); got != `{"status":"ok","checks":[]}` {
		t.Errorf("empty report is %s", got)
	}
}

func TestReadiness(t *testing.T) {
	var r Readiness
	if fedmsg.CodeOf(r.Err()) != fedmsg.CodeUnavailable {
		t.Errorf("starting: %v", r.Err())
	}
	r.Set("")
	if r.Err() != nil {
		t.Errorf("ready: %v", r.Err())
	}
	r.Set("the node is stopping")
	if _, text := fedmsg.Public(r.Err()); text != "the node is stopping" {
		t.Errorf("stopping: %v", r.Err())
	}
}

func TestMetricsHandler(t *testing.T) {
	w := httptest.NewRecorder()
	MetricsHandler(NewRegistry("1.2.3")).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`fedmsg_build_info{version="1.2.3"} 1`, "go_goroutines", "process_open_fds"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
