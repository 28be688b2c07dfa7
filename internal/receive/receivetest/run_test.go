package receivetest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// faultEnv names the fault of the source that a child process runs the suite with.
const faultEnv = "RECEIVETEST_FAULT"

func TestSuite(t *testing.T) {
	t.Parallel()
	target := fakeTarget(os.Getenv(faultEnv))
	if os.Getenv(faultEnv) != "" {
		target.patience = 3 * time.Second
	}
	Run(t, target)
}

// TestBrokenSourcesAreNoticed runs the suite with sources that break a promise each.
func TestBrokenSourcesAreNoticed(t *testing.T) {
	if os.Getenv(faultEnv) != "" {
		return
	}
	t.Parallel()
	for fault, tests := range map[string]string{
		"acknowledges at once": "acknowledges", "acknowledges nothing": "acknowledges|refused", "swaps": "brings$", "encodes anew": "brings$",
		"leaks": "brings$", "hangs": "stops in silence", "drops the unreadable": "unreadable",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuite$/^("+tests+")", "-test.v")
			cmd.Env = append(os.Environ(), faultEnv+"="+fault)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestSuite/") {
				t.Errorf("the suite does not notice it: %v\n%s", err, out)
			}
		})
	}
}
