package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWatchReader holds that a context ends when the reader of a pipe goes away, and neither before nor for other outputs.
func TestWatchReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if readerGone(w) {
		t.Error("a pipe that is open at both ends counts as closed")
	}
	ctx, stop := watchReader(t.Context(), w)
	defer stop()
	if err := ctx.Err(); err != nil {
		t.Fatalf("the watch ends before the reader: %s", err)
	}
	r.Close()
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("the reader is gone and nobody notices")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if readerGone(file) {
		t.Error("a file counts as closed")
	}
	ctx, stop = watchReader(t.Context(), new(bytes.Buffer))
	if err := ctx.Err(); err != nil {
		t.Errorf("a buffer ends the watch: %s", err)
	}
	stop()
}
