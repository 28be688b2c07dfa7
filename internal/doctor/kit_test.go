package doctor

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// subject is one whose configuration is the text, with its state in a directory of the test.
func subject(t *testing.T, text string) *Subject {
	t.Helper()
	dir := t.TempDir()
	state, file := filepath.Join(dir, "state"), filepath.Join(dir, "fedmsg.toml")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	text = "state = \"" + state + "\"\n" + strings.ReplaceAll(text, "DIR", dir)
	if !strings.Contains(text, "[http]") {
		text += "\n[http]\nlisten = []\nsocket = \"" + dir + "/s\"\n"
	}
	if !strings.Contains(text, "[zeromq]") {
		text += "\n[zeromq]\npublish = []\nsubmit = []\n"
	}
	if !strings.Contains(text, "[spool]") {
		text += "\n[spool]\ndirectory = \"\"\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Load(config.Source{File: file, UID: os.Getuid()})
	return &Subject{
		Loaded: loaded, Fault: err, Node: "unix://" + dir + "/s", Version: "1", Now: time.Now,
		Kernel: func() (KernelClock, error) { return KernelClock{Synchronised: true}, nil },
	}
}

// write puts a file beside the configuration.
func (s *Subject) write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(s.Loaded.File), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve answers for the subject's node, each path with its text.
func (s *Subject) serve(t *testing.T, answers map[string]string) *node {
	t.Helper()
	ln, err := net.Listen("unix", strings.TrimPrefix(s.Node, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, known := answers[r.URL.Path]
		switch {
		case !known:
			w.WriteHeader(http.StatusNotFound)
			text = `{"error":{"code":"not_found","message":"there is none"}}`
		case strings.HasPrefix(text, `{"error"`):
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(text))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	n := newNode(s)
	n.reach(t.Context())
	return n
}

// want fails the test unless exactly one finding is about what was looked at, with this status, and has the texts in its sentence or
// cure. What is not well must have a cure.
func want(t *testing.T, all []Finding, looked string, status ops.Status, texts ...string) {
	t.Helper()
	about := func(f Finding) bool { return strings.Contains(f.Looked, looked) }
	i := slices.IndexFunc(all, about)
	if i < 0 || slices.ContainsFunc(all[i+1:], about) {
		t.Errorf("not one finding is about %q: %+v", looked, all)
		return
	}
	f := all[i]
	if f.Status != status {
		t.Errorf("%+v has not the status %s", f, status)
	}
	for _, text := range texts {
		if !strings.Contains(f.Text+"\n"+f.Cure, text) {
			t.Errorf("%+v lacks %q", f, text)
		}
	}
	for _, f := range all {
		if f.Text == "" || f.Looked == "" || (f.Cure == "") != (f.Status == ops.OK) {
			t.Errorf("%+v lacks something, or has a cure for what is well", f)
		}
	}
}

// looked makes one check of the subject, in its time.
func looked(t *testing.T, look func(context.Context) []Finding) []Finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return look(ctx)
}

// mailServer listens where one speaks who is no node, and gives its address.
func mailServer(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example.org ready\r\n"))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}
