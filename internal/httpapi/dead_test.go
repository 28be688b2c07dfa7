package httpapi

import (
	"strings"
	"testing"
)

// TestDeadListQuery: a query that is not well formed is refused, and not taken for one that asks for everything.
func TestDeadListQuery(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { withSocket(t, c) })
	for query, want := range map[string]int{
		"": 200, "limit=1": 200, "limit=%zz": 400, "of=sink%2": 400, "a;b": 400, "limit=0": 400, "limit=1&limit=2": 400, "after=1": 400, "of=sink": 400, "of=sink/x": 404,
	} {
		status, body, _ := ask(t, e.client("unix"), "GET", "http://localhost/v1/dead?"+query, "")
		if status != want || status == 200 && strings.TrimSpace(body) != `{"dead":[]}` {
			t.Errorf("%q: %d %s, want %d", query, status, body, want)
		}
	}
}
