package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/daemon"
)

// Verify reads all of the backup in dir, changes nothing, and reports each fault as a sentence: a file that is missing, was added, or
// is not what was written, and what is damaged in the log. It fails with CodeNotFound where there is no backup, with CodeFormat where a
// newer version wrote it, and with CodeDamaged where it cannot tell what should be there. progress is as in [Options].
func Verify(ctx context.Context, dir string, report func(fault string), progress func(what string, done, all int64)) (*Manifest, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeNotFound, err, "cannot open the backup in %s", dir)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	m, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	if err := verifyFiles(ctx, root.FS(), m, report, progress); err != nil {
		return nil, err
	}
	return m, verifyLog(filepath.Join(dir, stateName), m, report, progress)
}

// verifyFiles holds the files against the manifest.
func verifyFiles(ctx context.Context, root fs.FS, m *Manifest, report func(string), progress func(string, int64, int64)) error {
	known := map[string]bool{manifestName: true}
	all, done := m.Bytes(), int64(0)
	for i := range m.Files {
		f := &m.Files[i]
		known[f.Name] = true
		size, sum, err := digest(ctx, root, f.Name)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			report(fmt.Sprintf("%s is missing", f.Name))
		case err != nil:
			report(fmt.Sprintf("%s cannot be read: %v", f.Name, err))
		case size != f.Size:
			report(fmt.Sprintf("%s has %d bytes, not %d", f.Name, size, f.Size))
		case sum != f.SHA256:
			report(fmt.Sprintf("%s is not what was written: its SHA-256 is %s, not %s", f.Name, sum, f.SHA256))
		}
		done += f.Size
		progress("checksums", done, all)
	}
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !known[name] {
			report(fmt.Sprintf("%s was added", name))
		}
		return err
	})
}

// verifyLog checks every entry of the log. What is not damaged but will be made again, as an index, is no fault.
func verifyLog(state string, m *Manifest, report func(string), progress func(string, int64, int64)) error {
	sum, err := commitlog.CheckProgress(daemon.LogDir(state), func(f commitlog.Finding) {
		if f.Kind != commitlog.FindingIndex {
			report("the log: " + f.Text)
		}
	}, func(done, all int64) { progress("the log", done, all) })
	if err != nil {
		return err
	}
	if got := (LogRange{ID: sum.ID, First: sum.First, Last: sum.Last}); got != m.Log {
		report(fmt.Sprintf("the log is %s from %d to %d, not %s from %d to %d", got.ID, got.First, got.Last, m.Log.ID, m.Log.First, m.Log.Last))
	}
	return nil
}
