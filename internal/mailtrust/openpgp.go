package mailtrust

import (
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
	"github.com/federated-messaging/fedmsg/internal/pgp"
)

// good is the result of a signature by a key that is known and was valid when the mail was looked at.
const good = "good"

// lookAgain is how often a file of keys is looked at, whether it has changed.
const lookAgain = time.Minute

// Keyring is a file of OpenPGP public keys. It is read when a Checker is opened, and again when it has changed. It is safe for concurrent use.
type Keyring struct {
	path string
	log  *slog.Logger

	mu     sync.Mutex
	keys   *pgp.Directory // guarded by mu, as the fields below; empty until the file is read
	size   int64
	time   time.Time // when it was changed
	looked time.Time // when it was looked at
}

// NewKeyring names a file of keys, binary or armored, and does not read it. log is told when it cannot be read again later; what it
// held stays in force then. It may be nil.
func NewKeyring(path string, log *slog.Logger) *Keyring {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keyring{path: path, log: log, keys: new(pgp.Directory)}
}

// Open reads the files of keys. It fails with [fedmsg.CodeConfig] where one cannot be read and was not read before: nothing should be
// checked then, for all keys of it would be unknown. It may be called again.
func (c *Checker) Open() error {
	for _, k := range c.c.Keyrings {
		if err := k.open(); err != nil {
			return err
		}
	}
	return nil
}

// open reads the file, unless it was read before.
func (k *Keyring) open() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.time.IsZero() {
		return nil
	}
	if err := k.read(); err != nil {
		return fedmsg.WrapError(fedmsg.CodeConfig, err,
			"cannot read the OpenPGP keys of %s; install the package that has the file, such as debian-keyring, or name another file in keyrings=", k.path)
	}
	return nil
}

// current gives the keys as they stand in the file now, or did a minute ago.
func (k *Keyring) current(now time.Time) *pgp.Directory {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.looked) >= lookAgain {
		k.looked = now
		if err := k.read(); err != nil {
			k.log.Warn("a file of OpenPGP keys cannot be read again; what it held stays in force", "file", k.path, "error", err)
		}
	}
	return k.keys
}

// read reads the file if it has changed.
func (k *Keyring) read() error {
	info, err := os.Stat(k.path)
	if err != nil {
		return err
	}
	if info.Size() == k.size && info.ModTime().Equal(k.time) {
		return nil
	}
	data, err := os.ReadFile(k.path)
	if err != nil {
		return err
	}
	keys, err := pgp.ParseDirectory(data)
	if err != nil {
		return err
	}
	k.keys, k.size, k.time = keys, info.Size(), info.ModTime()
	return nil
}

// openPGP tells which key made the signature of a text, and what it is worth now. A ring that knows the key decides; of several
// one that knows it as revoked, which an older copy does not, else one that takes it.
func (c *Checker) openPGP(s *mailmsg.Signed) *debian.OpenPGP {
	claimed, err := pgp.Claimed(s.Signature)
	if err != nil {
		return &debian.OpenPGP{Result: string(fedmsg.CodeOf(err))}
	}
	now := c.c.Now()
	best := &debian.OpenPGP{Result: string(fedmsg.CodeUnknownSigner), Key: claimed}
	for _, k := range c.c.Keyrings {
		// verification: openpgp-text (TestOpenPGP)
		key, err := k.current(now).VerifyText(s.Bytes, s.Signature, now)
		code := fedmsg.CodeOf(err)
		found := &debian.OpenPGP{Result: string(code), Key: key, Keyring: k.path}
		switch {
		// verification: openpgp-any-revoked (TestRevokedInOneRing)
		case code == fedmsg.CodeRevoked:
			return found
		case err == nil:
			found.Result = good
			best = found
		case best.Keyring == "" && code != fedmsg.CodeUnknownSigner:
			best = found
		}
	}
	return best
}
