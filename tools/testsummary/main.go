// Command testsummary reads what `go test -json` prints, and any plain lines between, and says how it went: a line for
// each package as it ends, the output of what failed, what tests measured, every skipped test with its reason, and as the
// last line
//
//	N passed, N failed, N skipped
//
// Its exit status is 1 when anything failed or nothing passed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	s := newSummary(os.Stdout)
	if err := read(os.Stdin, s); err != nil {
		fmt.Fprintf(os.Stderr, "testsummary: reading events: %s\n", err)
		os.Exit(1)
	}
	if !s.finish() {
		os.Exit(1)
	}
}

// event is one line of `go test -json`; see `go doc test2json`. The action "exit" is our own: a command, named in Test,
// ended with a failure; it counts if no other event tells of one.
type event struct {
	Action      string
	Package     string
	ImportPath  string // in place of Package while building
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string // the package that could not be built
}

// read hands every line of r to the summary. A line of any length is taken: tests print what they like.
func read(r io.Reader, s *summary) error {
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if line[0] == '{' && json.Unmarshal(line, &e) == nil && e.Action != "" {
				s.take(e)
			} else {
				s.plain(line)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
