package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// checkCommand is `fedmsg check`: whether what is stored is as it was written.
func (p *program) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [log]",
		Short: "Read all that a node has stored and say what is damaged; exit status 65 if anything is",
		Long: `Read the whole log and compare every byte with its checksum. Nothing is changed. The node may be running: what it writes
at that moment may then be told as an unfinished write.

Each finding is one line with segment, offset and the sequence numbers concerned. Exit status 0 means that nothing is
damaged, 65 that something is. An unfinished write at the end, as a crash leaves it, is told and is no damage: nobody was
told that it is stored, and the next start cuts it off. What is damaged is passed over with a gap; the rest stays readable.`,
		Example: `  fedmsg check
  fedmsg check log --state /var/lib/fedmsg
  fedmsg check && systemctl start fedmsg`,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"log"},
	}
	stateFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dir, err := p.logDir(cmd)
		if err != nil {
			return err
		}
		return p.checkLog(dir)
	}
	return cmd
}

// checkLog checks the log in dir.
func (p *program) checkLog(dir string) error {
	m, bad := p.newMeter(), 0
	sum, err := commitlog.CheckProgress(dir, func(f commitlog.Finding) {
		m.clear()
		if f.Kind != commitlog.FindingTorn {
			bad++
		}
		fmt.Fprintf(p.stdout, "%s: %s\n", f.Kind, ops.Printable(f.Text))
	}, func(done, all int64) {
		m.show("checked %s of %s in %s", ops.ByteSize(done), ops.ByteSize(all), ops.Printable(dir))
	})
	m.clear()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "log %s: %d entries can be read, %d cannot, in %d segments\n", sum.ID, sum.Entries, sum.Missing, sum.Segments)
	if bad > 0 {
		places := "places"
		if bad == 1 {
			places = "place"
		}
		return fedmsg.Errorf(fedmsg.CodeDamaged, "the log in %s is damaged in %d %s; what is not damaged stays readable, and readers are told of the rest; restore the segments named above from a backup to have it again", dir, bad, places)
	}
	return nil
}
