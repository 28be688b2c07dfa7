package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/pki"
	"github.com/federated-messaging/fedmsg/internal/span"
)

// keysCA is `fedmsg keys ca`: certificates for a site that has no authority of its own.
func (p *program) keysCA() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Be a certificate authority for the hosts and services of one site",
		Long: `Be a certificate authority for the hosts and services of one site. It is a directory, of which everybody who
verifies needs ca.crt and crl.pem, and nobody else ca.key. A site has an authority and its first certificate after

  fedmsg keys ca init --name "Example fedmsg CA"
  fedmsg keys ca issue shell-host1.example.com

and takes a certificate back by "fedmsg keys ca revoke". init and revoke write crl.pem; "fedmsg keys ca crl" writes it anew
before it is out of date. Copy the directory to a safe place after each change: without its index nothing can be revoked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	stateFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().String("dir", "", "the authority's directory (default ca in the state directory)")
	_ = cmd.MarkPersistentFlagDirname("dir") // it is there
	cmd.AddCommand(p.keysCAInit(), p.keysCAIssue(), p.keysCARevoke(), p.keysCACRL(), p.keysCALs())
	return cmd
}

// caDir is the directory of the authority.
func (p *program) caDir(cmd *cobra.Command) (string, error) {
	dir, err := cmd.Flags().GetString("dir")
	if err != nil {
		return "", err
	}
	if cmd.Flags().Changed("dir") {
		if dir == "" {
			return "", fedmsg.Errorf(fedmsg.CodeUsage, "--dir needs the name of a directory")
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return "", fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot tell where the current directory is; give an absolute path to --dir")
		}
		return dir, nil
	}
	state, err := p.stateDir(cmd)
	if err != nil {
		return "", err
	}
	return filepath.Join(state, "ca"), nil
}

// withCA runs a change of the authority, alone.
func (p *program) withCA(cmd *cobra.Command, now time.Time, change func(*pki.CA) error) error {
	dir, err := p.caDir(cmd)
	if err != nil {
		return err
	}
	ca, err := pki.OpenCA(dir, now)
	if err != nil {
		return err
	}
	defer ca.Close() //nolint:errcheck // it only unlocks
	return change(ca)
}

func (p *program) keysCAInit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the authority: its key, its certificate and an empty revocation list",
		Long: `Make the authority: its key, its certificate and an empty revocation list. Its own key is RSA with 3072 bits unless
--algorithm says otherwise, because every program verifies what such a key signs, those of the old bus included.`,
		Example: `  fedmsg keys ca init --name "Example fedmsg CA"
  fedmsg keys ca init --name "Example fedmsg CA" --dir /root/ca --algorithm p256 --valid 10y`,
		Args: cobra.NoArgs,
	}
	name := cmd.Flags().String("name", "", "the name of the authority, for people")
	algorithm := algorithmFlag(cmd, keys.RSAPSS, "of the authority's key")
	valid := cmd.Flags().String("valid", "20y", "how long the authority is to live, as in 20y or 3650d")
	listValid := cmd.Flags().String("crl-valid", "30d", "how long a revocation list is valid")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *name == "" {
			return fedmsg.Errorf(fedmsg.CodeUsage, "--name is missing; it is the name of the authority, as in \"Example fedmsg CA\"")
		}
		o := pki.CAOptions{Name: *name, Now: time.Now()}
		var err error
		if o.Algorithm, err = parseAlgorithm(*algorithm); err != nil {
			return err
		}
		if o.Valid, err = parseValid("--valid", *valid, o.Now); err != nil {
			return err
		}
		if o.ListValid, err = parseValid("--crl-valid", *listValid, o.Now); err != nil {
			return err
		}
		dir, err := p.caDir(cmd)
		if err != nil {
			return err
		}
		if err := pki.InitCA(dir, o); err != nil {
			return err
		}
		p.note("give ca.crt and crl.pem there to all who verify, and ca.key to nobody; crl.pem is out of date after %s", *listValid)
		_, err = fmt.Fprintf(p.stdout, "made the authority %s in %s, valid until %s\n", *name, dir, o.Now.Add(o.Valid).UTC().Format(time.DateOnly))
		return err
	}
	return cmd
}

func (p *program) keysCAIssue() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "issue NAME",
		Short: "Make a key and a certificate for a host or service",
		Long: `Make a key and a certificate for a host or service. NAME is what a policy calls the signer, by custom SERVICE-HOST. The
files are NAME.crt and NAME.key, and for further certificates of the same name NAME+2.crt and NAME+2.key and so on: none
is replaced, and all are valid until they end or are revoked, so that a key can be changed without a gap.

Messages for programs of the old bus need --algorithm rsa: their form of signatures knows no other keys.`,
		Example: `  fedmsg keys ca issue shell-host1.example.com
  fedmsg keys ca issue bodhi-host2.example.com --algorithm rsa --valid 1y --out /root/for-host2`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	algorithm := algorithmFlag(cmd, keys.Ed25519, "of the key; the old form needs rsa")
	valid := cmd.Flags().String("valid", "2y", "how long the certificate is valid; it ends with the authority at the latest")
	out := cmd.Flags().String("out", "", "directory for both files, of which the authority keeps the certificate alone (default issued in the authority's)")
	_ = cmd.MarkFlagDirname("out") // it is there
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := pki.LeafOptions{Out: *out, Now: time.Now()}
		var err error
		if o.Algorithm, err = parseAlgorithm(*algorithm); err != nil {
			return err
		}
		if o.Valid, err = parseValid("--valid", *valid, o.Now); err != nil {
			return err
		}
		return p.withCA(cmd, o.Now, func(ca *pki.CA) error {
			i, err := ca.Issue(args[0], o)
			if err != nil {
				return err
			}
			if end := o.Now.Add(o.Valid); i.Expires.Before(end.Add(-time.Second)) {
				p.note("the certificate ends on %s, with the authority", i.Expires.Format(time.DateOnly))
			}
			_, err = fmt.Fprintf(p.stdout, "issued %s, valid until %s\ncertificate %s\nkey %s\n", i.Serial, i.Expires.Format(time.DateOnly), i.CertFile, i.KeyFile)
			return err
		})
	}
	return cmd
}

// algorithmFlag adds --algorithm.
func algorithmFlag(cmd *cobra.Command, otherwise keys.Algorithm, of string) *string {
	value := cmd.Flags().String("algorithm", string(otherwise), "ed25519, p256 or rsa: "+of)
	choices(cmd, "algorithm", string(keys.Ed25519), string(keys.P256), string(keys.RSAPSS))
	return value
}

func parseAlgorithm(s string) (keys.Algorithm, error) {
	switch a := keys.Algorithm(s); a {
	case keys.Ed25519, keys.P256, keys.RSAPSS:
		return a, nil
	}
	return "", fedmsg.Errorf(fedmsg.CodeUsage, "--algorithm is ed25519, p256 or rsa, not %q", s)
}

// parseValid reads how long something is valid: years as in 20y, or what [span.Parse] reads.
func parseValid(flag, s string, now time.Time) (time.Duration, error) {
	d, ok := span.Parse(s)
	if years, found := strings.CutSuffix(s, "y"); found {
		n, err := strconv.ParseUint(years, 10, 8)
		d, ok = now.AddDate(int(n), 0, 0).Sub(now), err == nil
	}
	if !ok || d < time.Minute || d > maxLifetime {
		return 0, fedmsg.Errorf(fedmsg.CodeUsage, "%s is a time from 1m to 99y, as in 30d or 2y, not %q", flag, s)
	}
	return d, nil
}
