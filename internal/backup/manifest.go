package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

const (
	manifestName   = "MANIFEST"
	manifestFormat = 1
	maxManifest    = 1 << 30 // bytes; a file takes some 150
)

// Manifest says what is in a backup.
type Manifest struct {
	Format  int       `json:"format"`
	Made    time.Time `json:"made"`    // when it was begun
	Version string    `json:"version"` // of the program that made it
	State   string    `json:"state"`   // the directory that was copied
	Log     LogRange  `json:"log"`
	Archive bool      `json:"archive"` // it has an archive's file
	Keys    bool      `json:"keys"`    // it has secret keys
	Files   []File    `json:"files"`   // all but this one, in the order of their names
}

// LogRange says which entries of which log a backup has; those of damaged ones among them cannot be read.
type LogRange struct {
	ID    fedmsg.LogID `json:"id"`
	First uint64       `json:"first"` // Last + 1 where there is none
	Last  uint64       `json:"last"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // below the backup, with slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() (sum int64) {
	for i := range m.Files {
		sum += m.Files[i].Size
	}
	return sum
}

// list reads all files below dir, and lists them.
func (m *Manifest) list(ctx context.Context, dir string, progress func(what string, done, all int64)) error {
	root := os.DirFS(dir)
	var done int64
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f := File{Name: name}
		if f.Size, f.SHA256, err = digest(ctx, root, name); err != nil {
			return err
		}
		m.Files = append(m.Files, f)
		done += f.Size
		progress("checksums", done, 0)
		return nil
	})
}

// digest gives size and hash of a file.
func digest(ctx context.Context, root fs.FS, name string) (int64, string, error) {
	f, err := root.Open(name)
	if err != nil {
		return 0, "", err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	h := sha256.New()
	n, err := io.Copy(h, reader{ctx, f})
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// reader reads until ctx ends.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

func (m *Manifest) write(dir string) error {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS{}, filepath.Join(dir, manifestName), append(data, '\n'), 0o600)
}

// readManifest reads the manifest of a backup.
func readManifest(root *os.Root) (*Manifest, error) {
	f, err := root.Open(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fedmsg.WrapError(fedmsg.CodeNotFound, err, "there is no backup in %s: it has no file %s", root.Name(), manifestName)
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeDamaged, err, "cannot read the %s of the backup in %s", manifestName, root.Name())
	}
	defer f.Close() //nolint:errcheck // nothing was written
	var m Manifest
	err = json.NewDecoder(io.LimitReader(f, maxManifest)).Decode(&m)
	switch {
	case err != nil || m.Format < 1 || !m.Log.ID.Valid():
		return nil, fedmsg.WrapError(fedmsg.CodeDamaged, err, "the %s of the backup in %s is damaged", manifestName, root.Name())
	case m.Format > manifestFormat:
		return nil, fedmsg.Errorf(fedmsg.CodeFormat, "the backup in %s has format %d and this version knows formats up to %d; use a newer fedmsg", root.Name(), m.Format, manifestFormat)
	}
	return &m, nil
}
