// Command bench measures what the project promises, beside other brokers in the same run: alternating rounds, medians, and
// the server's CPU time a message beside the rate. It is started by ./bench; see ./bench --help.
//
// It promises that a number is of what it says: every message is acknowledged as durable and counted, a reader counts every
// entry, and the load generator's share of the machine is the same for all. It is never a test: nothing fails by being slow.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// resultsFile has the results of the last full run, from the project's directory.
const resultsFile = "tools/bench/RESULTS.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	dir    string        // where servers keep their state: must be on the disk that is to be measured
	out    string        // file for the results; empty prints only
	rounds int           // of each contender
	span   time.Duration // of one round where it goes by time
	quick  bool          // one short round: shows that all works, measures nothing
	peers  bool          // measure the other brokers too
	names  []string      // contenders; empty is all

	archiveRows int    // messages of the archives that are asked
	archiveDir  string // where these are kept for later runs; empty is a directory below dir
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	raiseFileLimit()
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	var done []stage
	for _, s := range stages() {
		s.contenders = slices.DeleteFunc(s.contenders, func(c contender) bool { return !o.wants(c) })
		if len(s.contenders) == 0 || !slices.ContainsFunc(s.contenders, func(c contender) bool { return !c.peer }) {
			continue
		}
		fmt.Printf("\n== %s\n", s.title)
		if err := b.measure(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		if s.notes != nil {
			if s.noted, err = s.notes(ctx, b); err != nil {
				return fmt.Errorf("%s: %w", s.title, err)
			}
		}
		done = append(done, s)
	}
	text := b.report(done)
	fmt.Print("\n", text)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

// wants reports whether a contender is measured: it is named, or it is what the named ones are compared with.
func (o *options) wants(c contender) bool {
	if c.peer {
		return o.peers
	}
	return len(o.names) == 0 || slices.ContainsFunc(o.names, func(n string) bool { return n == c.name || strings.HasPrefix(c.name, n+"-") })
}

func parse(args []string) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.dir, "dir", "/var/tmp", "where servers keep their state")
	f.StringVar(&o.out, "out", "", "file for the results; empty is "+resultsFile+" when everything is measured")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of each contender")
	f.DurationVar(&o.span, "span", 4*time.Second, "length of a round that goes by time")
	f.BoolVar(&o.quick, "quick", false, "one short round of each")
	f.BoolVar(&o.peers, "peers", true, "measure the other brokers too")
	f.IntVar(&o.archiveRows, "archive-rows", 200_000, "messages of the archives that are asked, at least 7,000")
	f.StringVar(&o.archiveDir, "archive-dir", "", "where these archives are kept for later runs; empty is fedmsg-bench-archive below --dir")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	o.names = f.Args()
	if o.out == "" && len(o.names) == 0 && !o.quick && o.peers {
		o.out = resultsFile
	}
	if o.quick {
		o.rounds, o.span = 1, time.Second
	}
	if o.archiveRows < 7000 {
		return nil, fmt.Errorf("--archive-rows is at least 7,000, not %d", o.archiveRows)
	}
	for _, n := range o.names {
		if !known(n) {
			return nil, fmt.Errorf("nothing is called %q; there are: %s", n, strings.Join(names(), " "))
		}
	}
	return o, nil
}

func known(name string) bool {
	return slices.ContainsFunc(names(), func(n string) bool { return n == name || strings.HasPrefix(n, name+"-") })
}

// names gives the names of all contenders of this project.
func names() []string {
	var all []string
	for _, s := range stages() {
		for _, c := range s.contenders {
			if !c.peer {
				all = append(all, c.name)
			}
		}
	}
	return all
}

// raiseFileLimit lets this process and its children have ten thousand connections, where the system allows it.
func raiseFileLimit() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		if l.Max < 65536 {
			l.Max = 65536 // root may
		}
		l.Cur = l.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) // the idle readers will say that it was not enough
	}
}
