package peer

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/place"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// SourceInFlight is what this kind proposes for in_flight of a source.
const SourceInFlight = 8192

// Where a source begins when it is new: option start of its address. Otherwise it is a position.
const (
	optionStart    = "start"
	startNow       = "now"
	startBeginning = "beginning"
)

// source follows another node.
type source struct {
	node
	topics []fedmsg.Pattern
	start  string          // startNow, startBeginning, or empty where after is set
	after  fedmsg.Position // where it begins
	file   string          // with the place
}

// NewSource checks the address and options of a source and opens nothing. The position in the other node's log is kept in a file in
// the directory.
func NewSource(c receive.Config, dir string, _ *slog.Logger) (receive.Source, error) {
	n, e, err := parse(c.From, c.Files(), optionStart)
	if err != nil {
		return nil, err
	}
	s := &source{node: n, topics: c.Topics, start: e.Option(optionStart, startBeginning), file: filepath.Join(dir, "place")}
	if s.start != startNow && s.start != startBeginning {
		if s.after, err = fedmsg.ParsePosition(s.start); err != nil {
			return nil, fault("%s is %s, %s or a position as LOGID-SEQ, not %q", optionStart, startNow, startBeginning, s.start)
		}
		s.start = ""
	}
	return s, nil
}

// Run follows the other node until ctx ends or the connection is lost.
func (s *source) Run(ctx context.Context, in *receive.Intake) (err error) {
	file, err := place.Open(s.file, false)
	if err != nil {
		return err
	}
	f := &following{source: s, in: in, place: newPlace(file)}
	defer func() { err = errors.Join(err, f.place.close()) }()
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	o, err := f.options(ctx, c, file.Position())
	if err != nil {
		return s.told(err)
	}
	err = f.run(ctx, c, o)
	in.Drain() // what is settled now need not come again
	return s.told(err)
}

// options says from where to follow. A reader that begins now has its place saved before it waits for anything.
func (f *following) options(ctx context.Context, c *client.Client, saved fedmsg.Position) (client.FollowOptions, error) {
	o := client.FollowOptions{Topics: f.source.topics, FailFast: true, After: saved}
	switch {
	case !saved.IsZero():
	case f.source.start == startBeginning:
		o.All = true
	case f.source.start == "":
		o.After = f.source.after
	default:
		info, err := c.Log(ctx)
		if err != nil {
			return o, err
		}
		o.After = fedmsg.Position{Log: info.ID, Seq: info.Last}
		f.place.passed(o.After)
	}
	return o, nil
}
