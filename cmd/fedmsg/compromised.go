package main

import (
	"time"

	"github.com/spf13/cobra"
)

// keysCompromised is `fedmsg keys compromised`: what a lost key has signed.
func (p *program) keysCompromised() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compromised --signer SIGNER --since TIME",
		Short: "List every message that a lost key has signed",
		Long: `List every message in the node's log that a signer has to do with, one line each: position, time received, id, topic and
verdict. Standard error gets the counts by topic. The node may be running: the log's files are read, and nothing is changed.

SIGNER is as entries have it: ROOT (a key, or all certificates of an authority), ROOT/NAME, a certificate's NAME or an OpenPGP
fingerprint under any root, or the id of a key as fedmsg keys show prints it. A message counts when it was verified as signed
by SIGNER, and also when it carries SIGNER's certificate or the id of its key, even if nobody verified that.

What is damaged in the log is named and passed over; the exit status is then 65, and the list may lack what was there.`,
		Example: `  fedmsg keys compromised --signer bts --since 2026-01-31
  fedmsg keys compromised --signer hosts/shell-app01.example.org --since 3d --until 6h
  fedmsg keys compromised --signer hosts --since 30d --format json | jq -r .id`,
		Args: cobra.NoArgs,
	}
	stateFlags(cmd.Flags())
	f := cmd.Flags()
	signer := f.String("signer", "", "whose messages: ROOT, ROOT/NAME, NAME, fingerprint, or id of a key")
	since := f.String("since", "", "received at or after this time (2026-01-31T12:00:00Z), or so long ago (90m, 7d)")
	until := f.String("until", "", "received before this time, or so long ago (default now)")
	format := formatFlag(cmd, "text")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case *signer == "":
			return usageError(cmd, "--signer is missing", "")
		case *since == "":
			return usageError(cmd, "--since is missing: when the key was lost, or last known to be safe", "")
		}
		if err := checkFormat(*format, "text"); err != nil {
			return err
		}
		s := &search{program: p, who: newSuspect(*signer), topics: map[string]*int{}, json: *format == "json"}
		if err := s.between(*since, *until, time.Now()); err != nil {
			return err
		}
		dir, err := p.logDir(cmd)
		if err != nil {
			return err
		}
		return s.run(cmd.Context(), dir, *signer)
	}
	return cmd
}
