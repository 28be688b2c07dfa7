package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/sign"
)

// keysNew is `fedmsg keys new`.
func (p *program) keysNew() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new [--out FILE] [--algorithm ed25519|p256|rsa]",
		Short: "Make a private key: the node's next one, or one for a publisher",
		Long: `Make a private key and print its id and public half, which others put into a file that their [[trust]] names in keys.

Without --out it becomes the key with which the node of the state directory signs, within a second and without a restart.
What was signed with the keys before it stays good as long as their files stand in STATE/keys; move a file away to retire its
key. With --out FILE the key is for a publisher: fedmsg publish --sign FILE.`,
		Example: `  fedmsg keys new
  fedmsg keys new --out shop.key > shop.pub
  fedmsg keys new --out old-hardware.key --algorithm rsa`,
		Args: cobra.NoArgs,
	}
	stateFlags(cmd.Flags())
	out := cmd.Flags().String("out", "", "file to make (default: a key of the node, in STATE/keys)")
	algorithm := algorithmFlag(cmd, keys.Ed25519, "kind of the key")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		a, err := parseAlgorithm(*algorithm)
		if err != nil {
			return err
		}
		k, err := keys.Generate(a)
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("out") {
			if err := k.WriteFile(*out); err != nil {
				return err
			}
			p.note("made the private key %s; give nobody that file, and to those who verify what stands on standard output", *out)
		} else if err := p.addKey(cmd, k, "made"); err != nil {
			return err
		}
		return p.printPublic(k.Public())
	}
	return cmd
}

// keysImport is `fedmsg keys import`.
func (p *program) keysImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Let the node sign with a private key that is there already",
		Long: `Copy a private key in PEM, of mode 0600, into the node's keys, where it becomes the one that the node signs with, within
a second and without a restart. It prints the key's id and public half. FILE stays; remove it if the node alone is to have it.`,
		Example: `  fedmsg keys import /root/backup/node.key`,
		Args:    cobra.ExactArgs(1),
	}
	stateFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		k, err := keys.ReadPrivate(args[0])
		if err != nil {
			return err
		}
		if err := p.addKey(cmd, k, "imported"); err != nil {
			return err
		}
		return p.printPublic(k.Public())
	}
	return cmd
}

// addKey makes a key the newest of the node in the state directory.
func (p *program) addKey(cmd *cobra.Command, k *keys.Private, done string) error {
	l, err := p.loadConfig(cmd, settingFlags{"state": "state"})
	if err != nil {
		return err
	}
	p.warn(l.Warnings)
	dir := daemon.KeysDir(l.Config.State)
	before, err := sign.KeyFiles(dir)
	if err != nil {
		return err
	}
	for _, path := range before {
		if old, err := keys.ReadPrivate(path); err == nil && old.Public().ID() == k.Public().ID() {
			return fedmsg.Errorf(fedmsg.CodeCannotMake, "the node has this key already, in %s", path)
		}
	}
	if err := os.MkdirAll(l.Config.State, 0o700); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the state directory %s; run as its owner, or name another one by --state", l.Config.State)
	}
	path, err := sign.NewKey(dir, k, time.Now())
	if err != nil {
		return err
	}
	err = durable.GiveToOwner(l.Config.State, func(uid, gid int) error {
		return give(l.Config.State, uid, gid, path, dir)
	})
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot give the key %s to the owner of the state directory, so that the node cannot read it", path)
	}
	p.tellAdded(&l.Config, path, done, before)
	return nil
}

// give makes files and directories below a directory another user's. That user may change the directory meanwhile, so a link
// leads nowhere else, and what has another name too is not given.
func give(below string, uid, gid int, paths ...string) error {
	root, err := os.OpenRoot(below)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	for _, path := range paths {
		name, err := filepath.Rel(below, path)
		if err == nil {
			err = giveOne(root, name, uid, gid)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func giveOne(root *os.Root, name string, uid, gid int) error {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() && (!info.Mode().IsRegular() || st.Nlink != 1) {
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "%s is not the file that was made", name)
	}
	return f.Chown(uid, gid)
}

// tellAdded says what the new key is for, and what becomes of those before.
func (p *program) tellAdded(cfg *config.Config, path, done string, before []string) {
	if cfg.Signing.Key != "" {
		p.note("%s %s; the node signs with %s all the same, which signing.key names", done, path, cfg.Signing.Key)
		return
	}
	p.note("%s %s; a running node signs with it within a second", done, path)
	if len(before) > 0 {
		p.note("what was signed before with %s stays good; to retire that key, move the file away", before[0])
	}
}

// printPublic prints the id of a key, and its public half as a file that [[trust]] takes.
func (p *program) printPublic(k keys.Public) error {
	_, err := fmt.Fprintf(p.stdout, "%s %s\n%s", k.ID(), k.Algorithm(), k.PEM())
	return err
}
