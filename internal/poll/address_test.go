package poll

import (
	"net/url"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// TestPostgresAddress holds that another machine is asked by TLS that verifies its name where the address says nothing of it, whatever the
// environment of the node has, and that no password comes from there.
func TestPostgresAddress(t *testing.T) {
	t.Setenv("PGSSLMODE", "disable")
	t.Setenv("PGPASSWORD", "hush")
	for _, c := range []struct {
		address  string
		verifies bool
	}{
		{"postgres://wb@db.example.org/wb", true},
		{"postgres://wb@db.example.org,other.example.org/wb", true},
		{"postgres://wb@db.example.org/wb?sslmode=verify-full", true},
		{"postgres://wb@127.0.0.1/wb", false},
		{"postgres:///wb?host=/run/postgresql", false},
	} {
		u, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		asker, err := newPostgres(u, remote.Files{}, &Config{Query: "SELECT 1"})
		if err != nil {
			t.Errorf("%s: %v", c.address, err)
			continue
		}
		config, err := asker.(*postgres).config()
		if err != nil {
			t.Fatal(err)
		}
		verified := config.TLSConfig != nil && !config.TLSConfig.InsecureSkipVerify && config.TLSConfig.ServerName == "db.example.org"
		if verified != c.verifies || config.Password != "" {
			t.Errorf("%s: it is verified: %v, and the password is %q", c.address, verified, config.Password)
		}
	}
}
