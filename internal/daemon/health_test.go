package daemon

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// badDisk fails every sync of a file as the system does, with its path.
type badDisk struct {
	durable.FS
	bad *bool
}

func (d badDisk) Create(name string, perm fs.FileMode) (durable.File, error) {
	f, err := d.FS.Create(name, perm)
	return badFile{f, name, d.bad}, err
}

type badFile struct {
	durable.File
	name string
	bad  *bool
}

func (f badFile) Sync() error {
	if *f.bad {
		return &os.PathError{Op: "sync", Path: f.name, Err: syscall.EIO}
	}
	return f.File.Sync()
}

// TestHealthOfFailedLog: a log that cannot write fails the node's health, says what to do, shows nobody a path, and can
// still be read.
func TestHealthOfFailedLog(t *testing.T) {
	dir, bad := filepath.Join(t.TempDir(), "hidden"), false
	log, err := commitlog.Open(dir, commitlog.Options{FS: badDisk{durable.OS{}, &bad}})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	store := func(id string) error {
		ticket, err := log.Submit(context.Background(), fedmsg.Record{ID: id, Topic: "a.b", Sender: "node", Envelope: []byte(`{}`)})
		if err != nil {
			return err
		}
		out, err := ticket.Wait(context.Background())
		if err != nil {
			return err
		}
		return out[0].Err
	}
	if err := store("good"); err != nil {
		t.Fatal(err)
	}
	bad = true
	if err := store("lost"); fedmsg.CodeOf(err) != fedmsg.CodeTimeout {
		t.Fatalf("got %v", err)
	}
	report, ok := healthOf(logChecks(log))()
	text := fmt.Sprint(report)
	if ok || !strings.Contains(text, "restart the node") || strings.Contains(text, "hidden") {
		t.Errorf("%v %s", ok, text)
	}
	if got := fedmsg.CodeOf(log.Err()).HTTPStatus(); got != 503 {
		t.Errorf("status %d", got)
	}
	if e, err := log.Reader(0).Next(); err != nil || e.ID != "good" {
		t.Errorf("reading: %v %v", e, err)
	}
}

// TestHealthHidesPaths: what a reader sees of broken tokens and spools has no path.
func TestHealthHidesPaths(t *testing.T) {
	c := setup(t)
	if err := os.WriteFile(c.Spool.Directory, nil, 0o600); err != nil { // not a directory
		t.Fatal(err)
	}
	r := start(t, c, Options{})
	if err := os.WriteFile(TokensFile(c.State), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, body := r.get(t, "/healthz")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 { // the file is looked at once in a second
		if strings.Contains(body, `"name":"tokens","status":"failed"`) && strings.Contains(body, `"name":"spool","status":"warning"`) {
			break
		}
		<-tick.C
		status, body = r.get(t, "/healthz")
	}
	if status != 503 || strings.Contains(body, filepath.Dir(c.State)) {
		t.Errorf("%d %s", status, body)
	}
	if log := r.log.String(); !strings.Contains(log, TokensFile(c.State)) || !strings.Contains(log, c.Spool.Directory) {
		t.Errorf("the log names no file:\n%s", log)
	}
	if status, body := r.get(t, "/readyz"); status != 200 {
		t.Errorf("/readyz: %d %s", status, body)
	}
}
