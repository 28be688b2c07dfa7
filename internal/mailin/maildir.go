package mailin

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/internal/maildir"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// The options of a Maildir.
const (
	optEvery = "every" // how often it is looked for new mails
	optDone  = "done"  // what becomes of a mail that is done with
)

const schemeMaildir = "maildir"

const (
	// MaildirInFlight is what this kind proposes for in_flight of a source.
	MaildirInFlight = 256

	defaultEvery = time.Second
	leastEvery   = 10 * time.Millisecond
	mostEvery    = time.Hour

	// knownEvery is how often it is looked for mails that a program has taken over without having shown them to anybody. These are
	// few, among many that are done with.
	knownEvery = 10 * time.Minute

	// maxListed is how many mails are put in order at once.
	maxListed = 100_000
)

// mailbox is a source that takes mails out of a Maildir: those in new/, and those in cur/ that nobody has seen. A mail is moved to cur/ and
// marked as seen, or removed, when all that it became is on disk.
type mailbox struct {
	path   string
	reader Reader
	every  time.Duration
	remove bool

	mu    sync.Mutex // guards stuck
	stuck *finished  // one that could not be moved; nil without one
}

var _ receive.Source = (*mailbox)(nil)

// finished is a mail that is done with.
type finished struct {
	mail   maildir.Mail
	remove bool
	err    error // why it is still where it was
}

// move takes it away.
func (f *finished) move(d *maildir.Dir) error {
	if f.remove {
		return d.Remove(f.mail)
	}
	return d.MarkSeen(f.mail)
}

// NewMaildir checks the address of a source that takes mails out of a Maildir, and opens nothing.
// They are read as by the reader, with what the address says of [ReaderOptions].
func NewMaildir(c receive.Config, r Reader, logger *slog.Logger) (receive.Source, error) {
	r.Log = logger
	e, err := remote.Parse(c.From, []string{schemeMaildir}, append(ReaderOptions(), optEvery, optDone))
	if err != nil {
		return nil, err
	}
	var faults []error
	if e.Host != "" || !filepath.IsAbs(e.Path) {
		faults = append(faults, fault("%s is no absolute path; write %s:///var/mail/debmails, with three slashes", e, schemeMaildir))
	}
	if c.Files() != (remote.Files{}) {
		faults = append(faults, fault("%s is a directory; credentials, ca, certificate and key are of no use here", e))
	}
	s := &mailbox{path: filepath.Clean(e.Path)}
	s.reader, err = r.WithOptions(e)
	s.every = e.Duration(optEvery, defaultEvery, leastEvery, mostEvery)
	s.remove = e.OneOf(optDone, "seen", "remove") == "remove"
	return s, errors.Join(e.Err(), err, s.reader.reaches(c.Topics), errors.Join(faults...))
}

// Run takes mails until ctx ends, or the Maildir is gone, or a mail cannot be read or moved.
func (s *mailbox) Run(ctx context.Context, in *receive.Intake) error {
	if err := s.reader.open(); err != nil {
		return err
	}
	d, err := maildir.Open(s.path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := s.resume(d); err != nil {
		return err
	}
	in.Connected()
	w := &watch{mailbox: s, dir: d, in: in, taken: make(map[maildir.Mail]bool)}
	err = w.run(ctx)
	in.Drain()
	return err
}

// resume moves the mail that ended the session before. Until that is done no mail is taken: each would be published whenever the source is
// run again.
func (s *mailbox) resume(d *maildir.Dir) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck == nil {
		return nil
	}
	if err := s.stuck.move(d); err != nil {
		return err
	}
	s.stuck = nil
	return nil
}

// failed tells of a mail that could not be moved.
func (s *mailbox) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck == nil {
		return nil
	}
	return s.stuck.err
}
