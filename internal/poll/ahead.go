package poll

import (
	"bufio"
	"io"
)

// ahead reads on in a goroutine of its own while what came before is looked at.
type ahead struct {
	*io.PipeReader
	ended chan struct{}
}

// newAhead begins to read. Who made it calls end, and sees to it that r gives what it has, or an error, by then.
func newAhead(r io.Reader) *ahead {
	out, in := io.Pipe()
	a := &ahead{PipeReader: out, ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		w := bufio.NewWriterSize(in, copied)
		_, err := w.ReadFrom(r)
		if flushErr := w.Flush(); err == nil {
			err = flushErr
		}
		_ = in.CloseWithError(err) // never fails
	}()
	return a
}

// end waits until nothing is read any more.
func (a *ahead) end() {
	_ = a.PipeReader.Close() // never fails
	<-a.ended
}
