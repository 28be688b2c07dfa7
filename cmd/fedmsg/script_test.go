package main

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program when a script calls it by one of its names.
func TestMain(m *testing.M) {
	names := map[string]func(){"fedmsg": main}
	for _, name := range slices.AppendSeq(oldNames(), maps.Keys(goneNames())) {
		names[name] = main
	}
	testscript.Main(m, names)
}

// TestScript runs testdata/script: the command line as its users see it.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GORACE", raceOptions())
			for _, name := range []string{"XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
				e.Setenv(name, e.WorkDir+"/"+name)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "makelog": makeLog, "makesigned": makeSigned, "flipbyte": flipByte,
		},
	})
}

// raceOptions has the race detector not wait for a second at the end of each program that a script runs, unless it is told how.
func raceOptions() string { return cmp.Or(os.Getenv("GORACE"), "atexit_sleep_ms=0") }

// status is "status N COMMAND ARGS…": the command ends with this exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if e, ok := err.(*exec.ExitError); ok {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%v ended with status %d, want %d", args[1:], got, want)
	}
}
