package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/place"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// savedSinks says how far the sinks of a node that does not run had come.
func (s *Subject) savedSinks(context.Context) []Finding {
	c := &s.Loaded.Config
	dir := daemon.LogDir(c.State)
	info, err := commitlog.ReadInfo(dir)
	switch {
	case fedmsg.CodeOf(err) == fedmsg.CodeNotFound:
		return []Finding{ok(dir, "there is no log yet: the node was never started here")}
	case errors.Is(err, fs.ErrPermission):
		return []Finding{warning(dir, "the log is not this user's to read", "run this as root or as the user that the node runs as")}
	case err != nil:
		return []Finding{failed(dir, "the log cannot be read: "+err.Error(), "`fedmsg check` says what is damaged")}
	}
	all := []Finding{ok(dir, "the log ends at %s", fedmsg.Position{Log: info.ID, Seq: info.Last})}
	for i := range c.Sink {
		all = append(all, savedSink(c.State, c.Sink[i].Name, &info))
	}
	return all
}

// savedSink compares the place of a sink with the log's end.
func savedSink(state, name string, info *commitlog.Info) Finding {
	file := daemon.SinkPlace(state, name)
	p, err := place.Open(file, false)
	if err != nil {
		return failed(file, "its place cannot be read: "+err.Error(), "with the node running, `fedmsg sink rewind "+name+" --to POSITION` writes a new one")
	}
	defer p.Close()
	switch at := p.Position(); {
	case at.IsZero():
		return ok(name, "it has not begun yet")
	case at.Log != info.ID:
		return ok(name, "it stands in an older log, at %s", at)
	case at.Seq > info.Last:
		return failed(name, fmt.Sprintf("its place %s lies beyond the log's end: the log was restored from an older copy", at), "`fedmsg log adopt`, before the node is started; see docs/log.md")
	default:
		return ok(name, "it stands %d entries before the log's end", info.Last-at.Seq)
	}
}

// savedDead counts the dead letters of a node that does not run.
func (s *Subject) savedDead(context.Context) []Finding {
	var all []Finding
	state := s.Loaded.Config.State
	for _, k := range []struct{ kind, dir string }{{deadletter.KindSink, daemon.SinksDir(state)}, {deadletter.KindSource, daemon.SourcesDir(state)}} {
		owners, err := os.ReadDir(k.dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return []Finding{warning(k.dir, "it cannot be read: "+err.Error(), "run this as root or as the user that the node runs as")}
		}
		for _, o := range owners {
			n, err := deadletter.Count(filepath.Join(k.dir, o.Name(), "dead"))
			if err != nil {
				return []Finding{warning(k.dir, "the dead letters cannot be counted: "+err.Error(), "run this as root or as the user that the node runs as")}
			}
			all = append(all, ofDead(k.kind+"/"+o.Name(), n)...)
		}
	}
	if len(all) == 0 {
		return []Finding{noneDead()}
	}
	return all
}

// trust says whether what is trusted can be read, and which authority or revocation list is out of date. A node that runs says it itself.
func (s *Subject) trust(context.Context) []Finding {
	c := &s.Loaded.Config
	store, err := trust.Open(trust.Config{
		File: trust.File{Trust: c.Trust, Policy: c.Policy}, Path: c.TrustFile, Read: config.ReadTrust, Settings: c.Verification, Every: -1,
	})
	if err != nil {
		return []Finding{failed("[[trust]]", err.Error(), cureOf("trust"))}
	}
	var all []Finding
	for _, t := range store.Health(s.Now()) {
		f := Finding{Status: ops.Failed, Looked: t.Name, Text: t.Text, Cure: cureOf(t.Name)}
		switch t.Level {
		case trust.OK:
			f.Status, f.Cure = ops.OK, ""
		case trust.Warning:
			f.Status = ops.Warning
		}
		all = append(all, f)
	}
	return all
}
