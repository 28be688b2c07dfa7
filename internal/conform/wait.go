package conform

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

const (
	// Patience bounds a failing test: what is waited for takes milliseconds, but for servers that start.
	Patience = 90 * time.Second
	// Prompt is how long it may take to stop.
	Prompt = 8 * time.Second
	// pollEvery is how often the other side is looked at, which tells nobody when it has something.
	pollEvery = 10 * time.Millisecond
)

// Eventually waits until missing gives nothing, or ends the test with what it gave; told is asked for more then.
func Eventually(t *testing.T, patience time.Duration, what string, missing, told func() string) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		m := missing()
		if m == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s: %s%s", patience, what, m, told())
		}
	}
}

const labelKey = "conformance"

// Labelled calls start such that the goroutines that it starts, and those that they start, can be told by the label.
func Labelled(label string, start func()) {
	pprof.Do(context.Background(), pprof.Labels(labelKey, label), func(context.Context) { start() })
}

// Left gives the stacks of the goroutines with the label.
func Left(label string) string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // to memory
	var found []string
	for stack := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(stack, fmt.Sprintf("%q:%q", labelKey, label)) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
