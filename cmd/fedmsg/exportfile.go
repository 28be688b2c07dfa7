package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/federated-messaging/fedmsg"
)

// exportFile is a file that is there only when all of it is, or standard output.
type exportFile struct {
	io.Writer
	name   string
	part   *os.File    // what was written so far, beside it; nil of standard output
	layers []io.Closer // between Writer and part, the first one before the others
	buffer *bufio.Writer
}

// createExport begins a file, which is compressed where its name says so.
func (p *program) createExport(name string) (*exportFile, error) {
	f := &exportFile{name: name}
	out := p.stdout
	if name != "-" {
		part, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".part-")
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot save the messages in %s", name)
		}
		f.part, out = part, part
	}
	f.buffer = bufio.NewWriterSize(out, 256<<10)
	f.Writer = f.buffer
	switch {
	case strings.HasSuffix(name, ".gz"):
		z := gzip.NewWriter(f.buffer)
		f.Writer, f.layers = z, append(f.layers, z)
	case strings.HasSuffix(name, ".zst"):
		z, err := zstd.NewWriter(f.buffer, zstd.WithEncoderConcurrency(1))
		if err != nil {
			f.abandon()
			return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot compress by zstd")
		}
		f.Writer, f.layers = z, append(f.layers, z)
	}
	return f, nil
}

// Write fails with a sentence.
func (f *exportFile) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	return n, f.failed(err)
}

func (f *exportFile) failed(err error) error {
	if err == nil {
		return nil
	}
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot save the messages in %s", f.name)
}

// finish puts the whole file in its place.
func (f *exportFile) finish() error {
	var errs []error
	for _, layer := range f.layers {
		errs = append(errs, layer.Close())
	}
	errs = append(errs, f.buffer.Flush())
	if f.part != nil {
		errs = append(errs, f.part.Chmod(0o600), f.part.Sync(), f.part.Close())
		if errors.Join(errs...) == nil {
			errs = append(errs, os.Rename(f.part.Name(), f.name))
		}
	}
	err := errors.Join(errs...)
	if err == nil {
		f.part = nil
	}
	return f.failed(err)
}

// abandon removes what was written, unless it is finished.
func (f *exportFile) abandon() {
	if f.part != nil {
		_ = f.part.Close() // a second time after a failed finish
		_ = os.Remove(f.part.Name())
	}
}
