package archiver

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// Config is what is set of the archive.
type Config struct {
	Store        string // sqlite, none, or a database: postgres://USER@HOST/NAME
	PasswordFile string // of the database's user; mode 0600, its first line counts. Empty: none is needed
}

// The values of [Config].Store that are no address.
const (
	StoreSQLite = "sqlite" // one file in the state directory
	StoreNone   = "none"   // no archive
)

// DefaultConfig is a file in the state directory.
func DefaultConfig() Config { return Config{Store: StoreSQLite} }

// IsPostgres reports whether the store is a PostgreSQL database.
func (c *Config) IsPostgres() bool {
	return strings.HasPrefix(c.Store, "postgres://") || strings.HasPrefix(c.Store, "postgresql://")
}

// Kind is the kind of store in a word: sqlite, postgres or none.
func (c *Config) Kind() string {
	if c.IsPostgres() {
		return "postgres"
	}
	return c.Store
}

// Validate reports every value that makes no sense, each error beginning with the name of its key.
func (c *Config) Validate() error {
	return errors.Join(c.validateStore(), c.validatePassword())
}

func (c *Config) validateStore() error {
	if c.Store == StoreSQLite || c.Store == StoreNone {
		return nil
	}
	if !c.IsPostgres() {
		return fault("archive.store", "is sqlite, none, or a database: postgres://USER@HOST/NAME")
	}
	u, err := url.Parse(c.Store)
	switch {
	case err != nil:
		return fault("archive.store", "is no address; write postgres://USER@HOST/NAME, and of several hosts HOST:PORT,HOST:PORT")
	case hasPassword(u):
		return fault("archive.store", "has a password in it, where everybody who sees the configuration reads it; put it into a file and name that in archive.password_file")
	case strings.Trim(u.Path, "/") == "":
		return fault("archive.store", "names no database; write postgres://USER@HOST/NAME")
	}
	return nil
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has || u.Query().Has("password")
}

func (c *Config) validatePassword() error {
	switch {
	case c.PasswordFile == "":
		return nil
	case !c.IsPostgres():
		return fault("archive.password_file", "is for a database, and archive.store is not one")
	case !filepath.IsAbs(c.PasswordFile):
		return fault("archive.password_file", "is an absolute path, not %q", c.PasswordFile)
	}
	return nil
}

func fault(key, format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, key+" "+format, args...)
}
