package archiver

import (
	"fmt"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		fault  string // what the error says; empty for none
	}{
		{DefaultConfig(), ""},
		{Config{Store: "none"}, ""},
		{Config{Store: "postgres://fedmsg@db.example.org/bus?sslmode=verify-full", PasswordFile: "/etc/fedmsg/db"}, ""},
		{Config{Store: "postgresql:///bus?host=/run/postgresql"}, ""},
		{Config{Store: "postgres://fedmsg@one.example.org:5432,two.example.org:5433/bus"}, ""},
		{Config{Store: "postgres://fedmsg@one.example.org:5432,two.example.org/bus"}, "of several hosts HOST:PORT,HOST:PORT"},
		{Config{Store: "postgres://one:5432,two:5433"}, "names no database"},
		{Config{Store: "postgres://fedmsg:secret@one:5432,two:5433/bus"}, "archive.password_file"},
		{Config{}, "archive.store is sqlite, none, or a database"},
		{Config{Store: "mysql://db/bus"}, "archive.store is sqlite, none, or a database"},
		{Config{Store: "postgres://db.example.org"}, "names no database"},
		{Config{Store: "postgres://fedmsg:secret@db/bus"}, "archive.password_file"},
		{Config{Store: "postgres://fedmsg@db/bus?password=secret"}, "archive.password_file"},
		{Config{Store: "postgres://db/%zz"}, "is no address"},
		{Config{Store: "sqlite", PasswordFile: "/etc/db"}, "is for a database"},
		{Config{Store: "postgres://db/bus", PasswordFile: "db"}, "is an absolute path"},
	} {
		err := c.config.Validate()
		if (err == nil) != (c.fault == "") || !strings.Contains(fmt.Sprint(err), c.fault) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.fault)
		}
		if strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%+v: the error has the password: %v", c.config, err)
		}
	}
}
