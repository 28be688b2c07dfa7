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
		well   bool
	}{
		{nil, OK, true},
		{[]Check{ok}, OK, true},
		{[]Check{warn, ok}, Warning, true},
		{[]Check{ok, bad, warn}, Failed, false},
		{[]Check{{"x", "strange", ""}, warn}, "strange", false},
	} {
		r := NewReport(c.checks...)
		if r.Status != c.status || r.Healthy() != c.well {
			t.Errorf("%v: got %s and %v, want %s and %v", c.checks, r.Status, r.Healthy(), c.status, c.well)
		}
	}
	g := Gather(func() []Check { return []Check{ok, warn} }, func() []Check { return nil }, func() []Check { return []Check{bad} })
	if !reflect.DeepEqual(g, NewReport(ok, warn, bad)) {
		t.Errorf("gathered %v", g)
	}
	text, err := json.Marshal(NewReport(ok))
	if want := `{"status":"ok","checks":[{"name":"log","status":"ok","text":"fine"}]}`; err != nil || string(text) != want {
		t.Errorf("as JSON %s, %v; want %s", text, err, want)
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
