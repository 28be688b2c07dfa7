package main

import (
	"strings"
	"testing"
)

func summarise(t *testing.T, lines ...string) (string, bool) {
	t.Helper()
	var out strings.Builder
	s := newSummary(&out)
	if err := read(strings.NewReader(strings.Join(lines, "\n")), s); err != nil {
		t.Fatal(err)
	}
	ok := s.finish()
	return out.String(), ok
}

func TestSummaryCounts(t *testing.T) {
	out, ok := summarise(t,
		"a plain line",
		`{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:3: measured: 12 MB\n"}`,
		`{"Action":"pass","Package":"p","Test":"A"}`,
		`{"Action":"output","Package":"p","Test":"B","Output":"=== RUN   B\n"}`,
		`{"Action":"output","Package":"p","Test":"B","Output":"    b_test.go:9: missing: root\n"}`,
		`{"Action":"output","Package":"p","Test":"B","Output":"--- SKIP: B (0.00s)\n"}`,
		`{"Action":"skip","Package":"p","Test":"B"}`,
		`{"Action":"pass","Package":"p"}`,
	)
	if !ok {
		t.Error("reported a failure")
	}
	for _, want := range []string{"a plain line\n", "A: 12 MB\n", "1 × missing: root: p B\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if !strings.HasSuffix(out, "\n1 passed, 0 failed, 1 skipped\n") {
		t.Errorf("the last line is wrong:\n%s", out)
	}
}

func TestSummaryFailures(t *testing.T) {
	cases := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"test", []string{
			`{"Action":"output","Package":"p","Test":"A","Output":"it broke\n"}`,
			`{"Action":"fail","Package":"p","Test":"A"}`,
			`{"Action":"fail","Package":"p"}`,
		}, []string{"it broke\n", "0 passed, 1 failed, 0 skipped"}},
		{"build", []string{
			`{"ImportPath":"p","Action":"build-output","Output":"p.go:1: no such thing\n"}`,
			`{"Action":"fail","Package":"p","FailedBuild":"p"}`,
		}, []string{"no such thing", "0 passed, 1 failed, 0 skipped"}},
		{"out of time behind another failure", []string{
			`{"Action":"fail","Package":"p","Test":"A"}`,
			`{"Action":"output","Package":"p","Test":"B","Output":"panic: test timed out\n"}`,
			`{"Action":"fail","Package":"p"}`,
		}, []string{"panic: test timed out\n", "never ended, or never begun, in p: B\n", "0 passed, 2 failed, 0 skipped"}},
		{"panic", []string{
			`{"Action":"output","Package":"p","Test":"A","Output":"panic: oh\n"}`,
			`{"Action":"fail","Package":"p"}`,
		}, []string{"panic: oh", "0 passed, 1 failed, 0 skipped"}},
		{"exit without events", []string{
			`{"Action":"pass","Package":"p","Test":"A"}`,
			`{"Action":"exit","Package":"checks","Test":"processes"}`,
		}, []string{"  processes\n", "1 passed, 1 failed, 0 skipped"}},
		{"nothing ran", []string{"go: cannot find main module"}, []string{"cannot find", "0 passed, 0 failed, 0 skipped"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, ok := summarise(t, c.lines...)
			if ok {
				t.Error("reported success")
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing in:\n%s", want, out)
				}
			}
		})
	}
}
