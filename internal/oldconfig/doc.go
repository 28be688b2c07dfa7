// Package oldconfig turns the configuration of the old bus, /etc/fedmsg.d/*.py, into one of this program.
//
// It promises that no key is lost in silence: each one that was set either stands in the result, with the file and line it came
// from, or in a comment there that says why there is no such key any more and what does its work. What the operator has to do is
// told apart, as warnings. The result never opens more than the old configuration did, except where a warning says so, and a key
// that would keep a node from starting, as a certificate that is not there does, is commented out. Secrets are not copied.
//
// The files are read by package pyconf, which never executes Python.
package oldconfig

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// maxFiles bounds the files of one import.
const maxFiles = 1000

// Old is an old configuration: all files together.
type Old struct {
	Files  []*pyconf.File // in the order in which they were read
	Config *pyconf.Table  // what they say together; a later file wins
}

// Read reads files, and of directories each *.py in the order of the names, as the old bus did. The error has
// [fedmsg.CodeConfig] and names all faults of all files, or [fedmsg.CodeUsage] where there is no file.
func Read(ctx context.Context, places []string, host pyconf.Host) (*Old, error) {
	names, err := fileNames(places)
	if err != nil {
		return nil, err
	}
	old := &Old{Config: &pyconf.Table{Values: map[string]pyconf.Value{}}}
	var faults []string
	for _, name := range names {
		src, err := readBounded(name)
		if err != nil {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "cannot read the old configuration: %s", err)
		}
		f, err := pyconf.Read(ctx, name, src, host)
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		old.Files = append(old.Files, f)
		old.Config.Merge(f.Config)
	}
	switch len(faults) {
	case 0:
		return old, nil
	case 1:
		return nil, &fedmsg.Error{Code: fedmsg.CodeConfig, Message: faults[0]}
	}
	return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%d files of the old configuration are not understood:\n%s", len(faults), strings.Join(faults, "\n"))
}

// fileNames lists the files of the places.
func fileNames(places []string) ([]string, error) {
	var names []string
	for _, place := range places {
		info, err := os.Stat(place)
		if err != nil {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "cannot read the old configuration: %s", err)
		}
		if !info.IsDir() {
			names = append(names, place)
			continue
		}
		entries, err := os.ReadDir(place) // in the order of the names
		if err != nil {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "cannot read the old configuration: %s", err)
		}
		before := len(names)
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".py") && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
				names = append(names, filepath.Join(place, e.Name()))
			}
		}
		if len(names) == before {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "there is no *.py in %s; name the directory of the old configuration, as in /etc/fedmsg.d", place)
		}
	}
	if len(names) > maxFiles {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "there are more than %d files; name the directory of the old configuration, as in /etc/fedmsg.d", maxFiles)
	}
	return names, nil
}

// readBounded reads a regular file of which pyconf refuses what is longer.
func readBounded(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, pyconf.MaxSource+1))
}

// at gives the place of the last file that sets a key of the top.
func (o *Old) at(key string) pyconf.Position {
	for _, f := range slices.Backward(o.Files) {
		if _, set := f.Config.Values[key]; set {
			return f.At(key)
		}
	}
	return pyconf.Position{}
}

// within gives the place of the last file that sets a key inside a dict of the top.
func (o *Old) within(table, key string) pyconf.Position {
	for _, f := range slices.Backward(o.Files) {
		if t, ok := f.Config.Values[table].(*pyconf.Table); ok {
			if _, set := t.Values[key]; !set {
				continue
			}
			if at := f.At(key); at.Line > 0 {
				return at
			}
			return f.At(table) // the key was computed
		}
	}
	return o.at(table)
}
