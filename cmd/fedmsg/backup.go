package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive/sqlite"
	"github.com/federated-messaging/fedmsg/internal/backup"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// backupCommand is `fedmsg backup`: a copy of all that a node has stored.
func (p *program) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy all that a node has stored into a new directory, while it serves; verify checks such a copy",
		Long: `Copy the state directory into a new directory: the log up to what is durable, the archive's file, places of readers, dead
letters, hashes of tokens. The node may be running and is not held up. DIR is there when all of it is there and on the disk; until
then it is DIR.partial. It has a MANIFEST with the size and SHA-256 of each file.

Secret keys are left out unless --with-keys says otherwise, and so are the spools of publishers, and always the files that the
configuration names, such as certificates and credentials: they are told. An archive in PostgreSQL is not part of it: save that
first, by pg_dump.

To restore, stop the node, put DIR/state in the place of the state directory, run fedmsg log adopt, and start. A node refuses to
take messages where adopt was forgotten.`,
		Example: `  fedmsg backup /backup/fedmsg-$(date +%F)
  fedmsg backup --with-keys --with-config /media/usb/fedmsg
  fedmsg backup verify /backup/fedmsg-2026-01-31`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	stateFlags(f)
	keys := f.Bool("with-keys", false, "also secret keys: the node's, and those of an authority that was made here")
	files := f.Bool("with-config", false, "also the files of the configuration, below DIR/config")
	without := f.Bool("without-archive", false, "not the archive's file, which can be large")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := p.logDir(cmd); err != nil { // with its hints
			return err
		}
		l, err := p.loadConfig(cmd, settingFlags{"state": "state"})
		if err != nil {
			return err
		}
		m := p.newMeter()
		defer m.clear()
		o := backup.Options{
			State: l.Config.State, Keys: *keys, WithoutArchive: *without, Version: readVersion().Version,
			CopyArchive: copyArchive, Progress: backupProgress(m),
		}
		if *files {
			o.Config = l.Files
		}
		made, err := backup.Make(cmd.Context(), o, args[0])
		m.clear()
		if err != nil {
			return interrupted(cmd.Context(), err)
		}
		if l.Config.Archive.IsPostgres() {
			p.note("%s: the archive is in PostgreSQL and not in this backup; save it by pg_dump, before fedmsg backup", cmd.CommandPath())
		}
		if named := l.Config.FilesBeside(); len(named) > 0 {
			p.note("%s: the configuration names files that are not in this backup; save them too, a restored node asks for them: %s", cmd.CommandPath(), strings.Join(named, ", "))
		}
		return p.backedUp(made, "saved in "+ops.Printable(args[0]))
	}
	cmd.AddCommand(p.backupVerify())
	return cmd
}

func (p *program) backupVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Read all of a backup and say what is not as it was written; exit status 65 if anything is not",
		Long: `Read all of a backup and compare every file with the MANIFEST, and every entry of the log with its checksum. Nothing is changed.
Each fault is one line. Exit status 0 means that there is none, 65 that there is one.

What was damaged in the log already when it was backed up is told too.`,
		Example: `  fedmsg backup verify /backup/fedmsg-2026-01-31`,
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, faults := p.newMeter(), 0
		made, err := backup.Verify(cmd.Context(), args[0], func(fault string) {
			m.clear()
			faults++
			fmt.Fprintln(p.stdout, ops.Printable(fault))
		}, backupProgress(m))
		m.clear()
		switch {
		case err != nil:
			return interrupted(cmd.Context(), err)
		case faults > 0:
			return fedmsg.Errorf(fedmsg.CodeDamaged, "the backup in %s has %d %s; use another one if there is one: what is named above may be missing or wrong after a restore",
				args[0], faults, plural(faults, "fault", "faults"))
		}
		return p.backedUp(made, "is as it was written")
	}
	return cmd
}

// backupProgress shows how far it is.
func backupProgress(m *meter) func(what string, done, all int64) {
	return func(what string, done, all int64) {
		if all > 0 {
			m.show("%s: %s of %s", what, ops.ByteSize(done), ops.ByteSize(all))
		} else {
			m.show("%s: %s", what, ops.ByteSize(done))
		}
	}
}

// backedUp says what a backup has.
func (p *program) backedUp(m *backup.Manifest, how string) error {
	archive, keys := "no archive", "no keys"
	if m.Archive {
		archive = "the archive"
	}
	if m.Keys {
		keys = "secret keys"
	}
	_, err := fmt.Fprintf(p.stdout, "log %s from %d to %d, %s, %s: %s in %d files, %s\n",
		m.Log.ID, m.Log.First, m.Log.Last, archive, keys, ops.ByteSize(m.Bytes()), len(m.Files), how)
	return err
}

// copier is an archive of which a copy can be made.
type copier interface {
	Backup(ctx context.Context, file string) error
}

var _ copier = (*sqlite.Store)(nil)

// copyArchive copies the file of an archive, which its node may be writing to.
func copyArchive(ctx context.Context, from, to string) error {
	store, err := sqlite.Open(ctx, from, sqlite.Options{ReadOnly: true, Readers: 1})
	if err == nil {
		defer store.Close()
		c, ok := store.(copier)
		if !ok {
			return fedmsg.Errorf(fedmsg.CodeInternal, "an archive of the type %T cannot be copied", store)
		}
		err = c.Backup(ctx, to)
	}
	if err != nil && ctx.Err() == nil {
		return fedmsg.WrapError(fedmsg.CodeOf(err), err, "the backup fails at the archive, which --without-archive leaves out")
	}
	return err
}
