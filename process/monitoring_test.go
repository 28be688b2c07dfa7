package process

import (
	"encoding/json"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestMetricsPage holds docs/metrics.md against what a node with one of everything shows, both ways: each metric has its row, with its
// type and labels, and each row its metric.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	n := startMeasured(t, "")
	resp, err := n.HTTP.Get(n.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	labels := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (fedmsg_\w+) (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		kinds[m[1]] = m[2]
		sample := regexp.MustCompile(`(?m)^` + m[1] + `(?:_bucket|_count)?(?:\{(.*)\})? \S+$`).FindStringSubmatch(string(text))
		if sample == nil {
			t.Fatalf("%s has no sample", m[1])
		}
		var names []string
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(sample[1], -1) {
			if l[1] != "le" {
				names = append(names, "`"+l[1]+"`")
			}
		}
		slices.Sort(names)
		labels[m[1]] = strings.Join(names, ", ")
	}
	if len(kinds) < 50 {
		t.Fatalf("the node shows %d metrics of its own", len(kinds))
	}
	rows := regexp.MustCompile("(?m)^\\| `(fedmsg_\\w+)` \\| (\\w+) \\|([^|]*)\\|").FindAllStringSubmatch(readFile(t, "../docs/metrics.md"), -1)
	for _, row := range rows {
		name, kind := row[1], row[2]
		told := strings.Split(strings.TrimSpace(row[3]), ", ")
		slices.Sort(told)
		if kinds[name] != kind || labels[name] != strings.Join(told, ", ") {
			t.Errorf("docs/metrics.md says that %s is a %s by %s; a node shows a %q by %s", name, kind, row[3], kinds[name], labels[name])
		}
		delete(kinds, name)
	}
	for name, kind := range kinds {
		t.Errorf("docs/metrics.md has no row for %s, a %s by %s", name, kind, labels[name])
	}
}

// TestAlertRules has Prometheus's own tool judge the alerts and run their tests.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	tool := fedmsgtest.Tool(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", monitoring + "prometheus-alerts.yml"},
		{"check", "config", "--syntax-only", monitoring + "prometheus-scrape.yml"},
		{"test", "rules", "testdata/alerts.yml"},
	} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// waits finds how long alerts wait before they fire.
func waits() *regexp.Regexp { return regexp.MustCompile(`for: \d+[smhd]`) }

// TestPrometheus has a real Prometheus watch a node: every expression of the dashboard gives data, and sinks that do not get through, or
// gave something up, make their alerts fire, and no other.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	n := startMeasured(t, "[[sink]]\nname = \"broken\"\ncommand = [\"/bin/false\"]\ntopics = [\"#\"]\n[[sink]]\nname = \"picky\"\ncommand = [\"/bin/sh\", \"-c\", \"exit 65\"]\ntopics = [\"#\"]\n")
	p := startPrometheus(t, n)
	await(t, "the alert of a broken sink", func() bool { return p.fires("FedmsgSinkFailing", "broken") })
	await(t, "the alert of dead letters", func() bool { return p.fires("FedmsgDeadLetters", "picky") })
	var board struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal([]byte(readFile(t, monitoring+"grafana-dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$__rate_interval", "5s", "$instance", ".*")
	asked := 0
	for i, panel := range board.Panels {
		for _, target := range panel.Targets {
			asked++
			await(t, "data of "+panel.Title+": "+target.Expr, func() bool {
				if strings.Contains(target.Expr, "archive_put_seconds") || strings.Contains(target.Expr, "log_sync_seconds") {
					cliOK(t, n, "publish", "--topic", "org.example.dev.a.b", "--message", board.Panels[i].Title) // there must be something to take a mean of
				}
				return p.hasData(fill.Replace(target.Expr))
			})
		}
	}
	if asked < 30 {
		t.Errorf("the dashboard has %d expressions", asked)
	}
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(readFile(t, monitoring+"prometheus-alerts.yml"), -1) {
		switch alert[1] {
		case "FedmsgSinkFailing", "FedmsgDeadLetters", "FedmsgRefusing", "FedmsgSlowDisk": // what this test does, and what a busy machine may
		default:
			if p.hasData(`ALERTS{alertname="` + alert[1] + `",alertstate="firing"}`) {
				t.Errorf("%s fires", alert[1])
			}
		}
	}
	if p.fires("FedmsgSinkFailing", "good") || p.fires("FedmsgDeadLetters", "good") {
		t.Error("an alert fires for a sink that gets through")
	}
}
