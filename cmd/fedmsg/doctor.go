package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/doctor"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// doctorTime is what each check of the doctor has, unless --timeout says so. With the time that the node has to answer, and what is
// given to a check that hangs, all is over within 10 seconds.
const doctorTime = 5 * time.Second

// The exit statuses of the doctor, which are those of plugins of Nagios and its heirs.
const (
	doctorWarns = 1
	doctorFails = 2
)

// doctorCommand is `fedmsg doctor`.
func (p *program) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the node of this machine: what is wrong or soon will be, and the cure",
		Long: `Examine the node of this machine, and the machine: whether the node runs with the configuration of the files and answers where
it should; clock; certificates, revocation lists and tokens that are over or soon will be; other sides that cannot be reached, sinks
that lag, dead letters; the archive, the disk, the spool; who may read secrets; insecure switches. Nothing is changed. It works
without a running node too, which it says first. Run it as root or as the user that the node runs as: others are not told all.

Each line has a result, the check, what was looked at, and a sentence; below it stands what to do. All checks are made at the same
time, each for at most --timeout. Exit status 0 means that all is well, 1 that something should be looked after, 2 that something
fails: the statuses of a Nagios plugin.`,
		Example: `  fedmsg doctor
  fedmsg doctor --problems
  fedmsg doctor --config ./fedmsg.toml --timeout 2s
  fedmsg doctor --format json | jq -r '.findings[] | select(.status != "ok") | .cure'`,
		Args: cobra.NoArgs,
	}
	o := nodeClientFlags(cmd.Flags())
	o.timeout = doctorTime
	cmd.Flags().Lookup("timeout").DefValue = doctorTime.String()
	cmd.Flags().Lookup("timeout").Usage = "how long each check may take"
	cmd.Flags().String("state", "", "the node's state directory (default as the configuration says)")
	problems := cmd.Flags().Bool("problems", false, "leave out what is well")
	format := formatFlag(cmd, "text")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text"); err != nil {
			return err
		}
		return p.examine(cmd, o, *problems, *format == "json")
	}
	return cmd
}

// examine has the node examined, and prints what is found.
func (p *program) examine(cmd *cobra.Command, o *clientFlags, problems, asJSON bool) error {
	if o.timeout <= 0 {
		return fedmsg.Errorf(fedmsg.CodeUsage, "--timeout must be more than 0, not %s", o.timeout)
	}
	loaded, fault := p.loadConfig(cmd, settingFlags{"node": "node", "state": "state"})
	if fedmsg.CodeOf(fault) == fedmsg.CodeUsage {
		return fault
	}
	secret, err := p.secret(o)
	if err != nil {
		return err
	}
	report := doctor.Examine(cmd.Context(), doctor.Subject{
		Loaded: loaded, Fault: fault, Node: loaded.Config.Node, Token: secret, Version: readVersion().Version,
		Spool: loaded.UserSpool(p.getenv),
	}, o.timeout)
	if err := interrupted(cmd.Context(), cmd.Context().Err()); err != nil {
		return err
	}
	if problems {
		report.Findings = withoutGood(report.Findings)
	}
	if asJSON {
		err = p.printJSON(report)
	} else {
		err = p.printReport(&report)
	}
	switch {
	case err != nil:
		return err
	case report.Status == ops.OK:
		return nil
	case report.Status == ops.Warning:
		return &exitError{doctorWarns}
	}
	return &exitError{doctorFails}
}

func withoutGood(all []doctor.Finding) []doctor.Finding {
	bad := []doctor.Finding{}
	for _, f := range all {
		if f.Status != ops.OK {
			bad = append(bad, f)
		}
	}
	return bad
}

// printReport prints one finding a line, with the cure below it.
func (p *program) printReport(r *doctor.Report) error {
	color := ops.Color(p.stdout, p.getenv)
	var b strings.Builder
	count := map[ops.Status]int{}
	for _, f := range r.Findings {
		count[f.Status]++
		fmt.Fprintf(&b, "%s %s: %s: %s\n", mark(f.Status, color), f.Check, ops.Printable(f.Looked), ops.Printable(f.Text))
		if f.Cure != "" {
			fmt.Fprintf(&b, "     cure: %s\n", ops.Printable(f.Cure))
		}
	}
	if r.Status == ops.OK {
		fmt.Fprintln(&b, "all is well")
	} else {
		fmt.Fprintf(&b, "%d failed, %d to be looked after\n", count[ops.Failed], count[ops.Warning])
	}
	_, err := fmt.Fprint(p.stdout, b.String())
	return err
}

// mark is the result as a word of four letters.
func mark(s ops.Status, color bool) string {
	word, code := "ok  ", "32"
	switch s {
	case ops.OK:
	case ops.Warning:
		word, code = "warn", "33"
	default:
		word, code = "FAIL", "31"
	}
	if !color {
		return word
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}
