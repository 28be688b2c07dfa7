package process

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// monitoring is where the files for Prometheus and Grafana lie.
const monitoring = "../packaging/monitoring/"

// startMeasured starts a node that has one of everything that has metrics, with further lines of configuration, and lets each happen
// once that is counted by its kind.
func startMeasured(t *testing.T, more string) *fedmsgtest.Node {
	t.Helper()
	dir := t.TempDir()
	cliOf(t, "keys", "ca", "init", "--dir", filepath.Join(dir, "ca"), "--name", "Example CA")
	rows := program(t, `echo '[{"name":"a"}]'`)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite", Config: fmt.Sprintf(`[[trust]]
name = "example"
ca = %q
crl = %q
topics = ["org.example.dev.#"]
[[sink]]
name = "good"
command = ["/bin/sh", "-c", "cat >/dev/null"]
topics = ["#"]
ca = %q
[[source]]
name = "rows"
from = "poll+exec:"
sign = true
topics = ["org.example.dev.#"]
poll = { command = [%q], key = ["name"], topic = "org.example.dev.rows.row", first = "publish" }
`, filepath.Join(dir, "ca", "ca.crt"), filepath.Join(dir, "ca", "crl.pem"), filepath.Join(dir, "ca", "ca.crt"), rows) + more})
	if got := askSubmit(t, startPeer(t, "REQ", submitSocket(n), "RCVTIMEO=30000", "SNDTIMEO=30000"), "org.example..bad", "{}", "{}"); got.Result == "success" {
		t.Fatalf("a bad topic was taken: %+v", got)
	}
	await(t, "the row that is polled", func() bool { return n.Log(t).Last >= 1 })
	return n
}

// cliOf runs a command that needs no node.
func cliOf(t *testing.T, args ...string) {
	t.Helper()
	if r := fedmsgtest.CLI(t, nil, args...); r.Status != 0 {
		t.Fatalf("fedmsg %s: %d %s", strings.Join(args, " "), r.Status, r.Stderr)
	}
}

// prometheus is a real one that watches a node by the shipped alerts, of which it waits for none.
type prometheus struct {
	t   *testing.T
	url string
}

func startPrometheus(t *testing.T, n *fedmsgtest.Node) *prometheus {
	t.Helper()
	dir, tool := t.TempDir(), fedmsgtest.Tool(t, "prometheus")
	alerts := waits().ReplaceAllString(readFile(t, monitoring+"prometheus-alerts.yml"), "for: 0s")
	scrape := strings.NewReplacer(
		"/usr/share/fedmsg/prometheus-alerts.yml", filepath.Join(dir, "alerts.yml"),
		"127.0.0.1:8940", strings.TrimPrefix(n.URL, "http://"),
	).Replace(readFile(t, monitoring+"prometheus-scrape.yml"))
	for name, text := range map[string]string{
		"alerts.yml": alerts, "prometheus.yml": "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n" + scrape,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &prometheus{t: t, url: "http://127.0.0.1:" + fedmsgtest.FreePort()}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+strings.TrimPrefix(p.url, "http://"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		log.Close()
		if t.Failed() {
			t.Logf("log of prometheus:\n%s", readFile(t, log.Name()))
		}
	})
	return p
}

// get asks Prometheus and reads the member data of its answer into v. False is that it does not answer, or not with that.
func (p *prometheus) get(path string, v any) bool {
	p.t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer := struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   any    `json:"data"`
	}{Data: v}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return false
	}
	if answer.Status != "success" && resp.StatusCode != http.StatusServiceUnavailable {
		p.t.Fatalf("%s: %s", path, answer.Error)
	}
	return answer.Status == "success"
}

// hasData reports whether an expression gives some now.
func (p *prometheus) hasData(expr string) bool {
	p.t.Helper()
	var data struct {
		Result []struct {
			Value [2]any `json:"value"`
		} `json:"result"`
	}
	return p.get("/api/v1/query?query="+url.QueryEscape(expr), &data) && len(data.Result) > 0 && data.Result[0].Value[1] != "NaN"
}

// fires reports whether an alert fires for a sink.
func (p *prometheus) fires(alert, sink string) bool {
	p.t.Helper()
	return p.hasData(fmt.Sprintf(`ALERTS{alertname=%q,sink=%q,alertstate="firing"}`, alert, sink))
}
