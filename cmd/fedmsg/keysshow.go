package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/sign"
)

// shownKey is a key as it is shown.
type shownKey struct {
	ID        string         `json:"id"`
	Algorithm keys.Algorithm `json:"algorithm"`
	Made      time.Time      `json:"made"` // when its file was last written
	Kind      string         `json:"kind"` // private, public, certificate or curve
	Signs     bool           `json:"signs"`
	File      string         `json:"file"`
	Text      string         `json:"public_key"` // in PEM, of curve in Z85
}

// kindCurve is the kind of keys that sign nothing and encrypt connections.
const kindCurve = "curve"

// keysShow is `fedmsg keys show`.
func (p *program) keysShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [FILE]…",
		Short: "Show the id and the public half of keys: the node's own, or those in files",
		Long: `Show the keys of the node, newest first, or those in files: private keys, public keys and certificates in PEM. The id is
what signatures name a key by. With --pem the public halves alone are printed, as a file that [[trust]] takes in keys. A key of
the kind curve signs nothing: it is the node's own at ZeroMQ endpoints with curve=yes, and its id is what peers are told.`,
		Example: `  fedmsg keys show
  fedmsg keys show --pem shop.key > shop.pub
  fedmsg keys show --format json | jq -r '.[] | select(.signs) | .id'`,
	}
	stateFlags(cmd.Flags())
	asPEM := cmd.Flags().Bool("pem", false, "print the public keys in PEM")
	format := formatFlag(cmd, "table")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(*format, "table"); err != nil {
			return err
		}
		paths, signs, list := args, "", []shownKey{}
		if len(args) == 0 {
			var err error
			if paths, signs, list, err = p.nodeKeys(cmd); err != nil {
				return err
			}
		}
		place := 0 // the CURVE key stays the last
		for _, path := range paths {
			shown, err := readShown(path, signs)
			if err != nil {
				return err
			}
			list = slices.Insert(list, place, shown...)
			place += len(shown)
		}
		switch {
		case *asPEM:
			return p.keysPEM(list)
		case *format == "json":
			return p.printJSON(list)
		}
		return p.keysTable(list)
	}
	return cmd
}

// nodeKeys gives the files of the node's keys, the one that it signs with, and its CURVE key if it has one.
func (p *program) nodeKeys(cmd *cobra.Command) (paths []string, signs string, curve []shownKey, err error) {
	l, err := p.loadConfig(cmd, settingFlags{"state": "state"})
	if err != nil {
		return nil, "", nil, err
	}
	p.warn(l.Warnings)
	dir := daemon.KeysDir(l.Config.State)
	if paths, err = sign.KeyFiles(dir); err != nil {
		return nil, "", nil, err
	}
	if signs = l.Config.Signing.Key; signs != "" {
		paths = append([]string{signs}, paths...)
	} else if len(paths) > 0 {
		signs = paths[0]
	} else {
		p.note("%s: the node has no key in %s yet; it makes one when it is started, or fedmsg keys new does", cmd.CommandPath(), dir)
	}
	curve, err = shownCurve(daemon.CurveFile(l.Config.State))
	return paths, signs, curve, err
}

// shownCurve gives the public CURVE key of a file, or nothing where there is no file.
func shownCurve(path string) ([]shownKey, error) {
	pair, err := daemon.ReadCurve(path)
	if errors.Is(err, fs.ErrNotExist) {
		return []shownKey{}, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the key")
	}
	public := pair.Public.String()
	return []shownKey{{public, "curve25519", info.ModTime().UTC().Truncate(time.Second), kindCurve, false, path, public}}, nil
}

// readShown reads the keys in a file. Signs is the file of the key that the node signs with.
func readShown(path, signs string) ([]shownKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the key")
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the key")
	}
	kind, list, err := publicKeys(path, text)
	if err != nil {
		return nil, err
	}
	shown := make([]shownKey, len(list))
	for i, k := range list {
		shown[i] = shownKey{k.ID(), k.Algorithm(), info.ModTime().UTC().Truncate(time.Second), kind, path == signs, path, string(k.PEM())}
	}
	return shown, nil
}

// publicKeys reads the public keys, or the public halves, of what a file holds.
func publicKeys(path string, text []byte) (kind string, list []keys.Public, err error) {
	block, _ := pem.Decode(text)
	switch {
	case bytes.Contains(text, []byte("PRIVATE KEY-----")):
		k, err := keys.ReadPrivate(path)
		if err != nil {
			return "", nil, err
		}
		return "private", []keys.Public{k.Public()}, nil
	case block != nil && block.Type == "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "the certificate %s cannot be read", path)
		}
		k, err := keys.NewPublic(c.PublicKey)
		if err != nil {
			_, why := fedmsg.Public(err)
			return "", nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "the certificate %s cannot be used: %s", path, why)
		}
		return "certificate", []keys.Public{k}, nil
	}
	if list, err = keys.ParsePublic(text); err != nil {
		_, why := fedmsg.Public(err)
		return "", nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot use %s: %s", path, why)
	}
	return "public", list, nil
}

func (p *program) keysPEM(list []shownKey) error {
	for _, k := range list {
		if k.Kind == kindCurve {
			continue // no [[trust]] takes it
		}
		if _, err := fmt.Fprint(p.stdout, k.Text); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) keysTable(list []shownKey) error {
	if len(list) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tALGORITHM\tMADE\tKIND\tSIGNS\tFILE")
	for _, k := range list {
		signs := "-"
		if k.Signs {
			signs = "now"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Algorithm, k.Made.Format(time.RFC3339), k.Kind, signs, ops.Printable(k.File))
	}
	return w.Flush()
}
