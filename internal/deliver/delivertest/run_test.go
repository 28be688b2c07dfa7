package delivertest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// faultEnv names the fault of the sink that a child process runs the suite with.
const faultEnv = "DELIVERTEST_FAULT"

func TestSuite(t *testing.T) {
	t.Parallel()
	target := fakeTarget(os.Getenv(faultEnv))
	if os.Getenv(faultEnv) != "" {
		target.patience = 3 * time.Second
	}
	Run(t, target)
}

// TestBrokenSinksAreNoticed runs the suite with sinks that break a promise each.
func TestBrokenSinksAreNoticed(t *testing.T) {
	if os.Getenv(faultEnv) != "" {
		return
	}
	t.Parallel()
	for fault, tests := range map[string]string{
		"drops each tenth":  "delivers",
		"sends twice":       "delivers",
		"encodes anew":      "delivers",
		"swaps":             "delivers",
		"leaks":             "idle",
		"confirms early":    "cut",
		"waits for each":    "silence",
		"waits for answers": "stops in silence",
		"blames entries":    "cut|restart",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuite$/^("+tests+")$", "-test.v")
			cmd.Env = append(os.Environ(), faultEnv+"="+fault)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestSuite/") {
				t.Errorf("the suite does not notice it: %v\n%s", err, out)
			}
		})
	}
}
