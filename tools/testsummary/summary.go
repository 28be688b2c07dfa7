package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// measured marks a line of a test's log that is a result worth reading even when the test passes.
const measured = "measured: "

// summary gathers events. It prints as it goes, and the rest in finish.
type summary struct {
	w        io.Writer
	passed   int
	failed   int
	skipped  []skip
	exits    []string // commands that failed, whatever the events say
	failures []string
	measures []string
	output   map[test][]string // of tests that have not ended
	broken   map[string]bool   // packages in which a test has failed
}

// test names a test; with an empty name, the package itself.
type test struct{ pkg, name string }

// skip is a test that was not run, and why.
type skip struct {
	test
	reason string
}

func newSummary(w io.Writer) *summary {
	return &summary{w: w, output: make(map[test][]string), broken: make(map[string]bool)}
}

// plain passes on a line that is no event.
func (s *summary) plain(line []byte) { s.w.Write(line) }

// take counts one event.
func (s *summary) take(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "output":
		s.output[t] = append(s.output[t], e.Output)
	case "build-output":
		fmt.Fprint(s.w, e.Output)
	case "exit":
		s.exits = append(s.exits, e.Test)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(t, e)
		} else {
			s.endTest(t, e.Action)
		}
		delete(s.output, t)
	}
}

// endTest counts a test that ended.
func (s *summary) endTest(t test, action string) {
	for _, line := range s.output[t] {
		if _, text, ok := strings.Cut(line, measured); ok {
			s.measures = append(s.measures, t.name+": "+strings.TrimSpace(text))
		}
	}
	switch action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped = append(s.skipped, skip{t, reason(s.output[t])})
	case "fail":
		s.fail(t)
	}
}

// endPackage prints the line of a package. A package that failed without a failing test (it did not build, panicked or
// ran out of time) counts as one failure.
func (s *summary) endPackage(t test, e event) {
	word := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "-   "}[e.Action]
	fmt.Fprintf(s.w, "%s %7.1fs  %s\n", word, e.Elapsed, e.Package)
	if cut := s.unended(t.pkg); e.Action == "fail" && (!s.broken[t.pkg] || e.FailedBuild != "" || len(cut) > 0) {
		s.unfinished(t.pkg)
		if len(cut) > 0 {
			fmt.Fprintf(s.w, "--- never ended, or never begun, in %s: %s\n", t.pkg, strings.Join(cut, ", "))
		}
		s.fail(t)
	}
}

// unended gives the tests of a package that have begun and not ended.
func (s *summary) unended(pkg string) (names []string) {
	for t := range s.output {
		if t.pkg == pkg && t.name != "" {
			names = append(names, t.name)
		}
	}
	slices.Sort(names)
	return names
}

// unfinished prints what the tests of a package said that never ended: there stands why the package did.
func (s *summary) unfinished(pkg string) {
	for t, lines := range s.output {
		if t.pkg == pkg && t.name != "" {
			s.print(t, lines)
			delete(s.output, t)
		}
	}
}

// fail counts a failure and shows what it printed.
func (s *summary) fail(t test) {
	s.failed++
	s.broken[t.pkg] = true
	s.failures = append(s.failures, strings.TrimSpace(t.pkg+" "+t.name))
	s.print(t, s.output[t])
}

func (s *summary) print(t test, lines []string) {
	fmt.Fprintf(s.w, "--- output of %s %s\n%s", t.pkg, t.name, strings.Join(lines, ""))
}

// reason finds in a skipped test's output what it gave as the reason.
func reason(lines []string) string {
	var said []string
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if where, text, ok := strings.Cut(line, ": "); ok && strings.Contains(where, ".go:") {
			line = text
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return said[len(said)-1]
}

// finish prints the end of the summary and reports whether all is well.
func (s *summary) finish() bool {
	if s.failed == 0 && len(s.exits) > 0 { // no event says why, so the plain lines above do
		s.failed = len(s.exits)
		s.failures = s.exits
	}
	s.list("measured", s.measures)
	s.list("failed", s.failures)
	byReason := make(map[string][]string)
	for _, k := range s.skipped {
		byReason[k.reason] = append(byReason[k.reason], k.pkg+" "+k.name)
	}
	var why []string
	for reason, tests := range byReason {
		why = append(why, fmt.Sprintf("%d × %s: %s", len(tests), reason, strings.Join(tests, ", ")))
	}
	slices.Sort(why)
	s.list("skipped", why)
	fmt.Fprintf(s.w, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, len(s.skipped))
	return s.failed == 0 && s.passed > 0
}

func (s *summary) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(s.w, "\n%s:\n", title)
	for _, line := range lines {
		fmt.Fprintf(s.w, "  %s\n", line)
	}
}
