package postgres

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
)

// shared is the server of this package's tests, which are given a database each.
var shared = struct {
	once sync.Once
	*fedmsgtest.Postgres
	err error
}{}

// database gives the address of an empty database.
func database(t testing.TB) string {
	t.Helper()
	fedmsgtest.NeedPostgres(t)
	shared.once.Do(func() {
		if shared.Postgres, shared.err = fedmsgtest.NewPostgres(fedmsgtest.PostgresOptions{}); shared.err == nil {
			shared.err = shared.Start()
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	uri, err := shared.NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.Postgres != nil {
		if err := shared.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// open opens a store that the test's end closes.
func open(t testing.TB, uri string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), uri, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the test may have closed it
	return s.(*Store)
}

// ourLog is a log.
const ourLog = fedmsg.LogID("aaaaaaaaaaaa")

// TestStore holds the store against the contract of package archive and against its model.
func TestStore(t *testing.T) {
	t.Parallel()
	archivetest.Run(t, func(t *testing.T) archivetest.Target {
		uri := database(t)
		return archivetest.Target{Open: func(t *testing.T) archive.Store {
			s, err := Open(t.Context(), uri, Options{Log: ourLog})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}}
	})
}
