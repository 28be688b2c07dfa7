package rowset

import "github.com/federated-messaging/fedmsg/internal/durable"

// stream writes a file from its beginning to its end.
type stream struct {
	f    durable.File
	at   int64 // bytes given to it
	done int64 // bytes in the file
	buf  []byte
}

func newStream(f durable.File) *stream { return &stream{f: f, buf: make([]byte, 0, cutoff)} }

func (s *stream) write(p []byte) error {
	s.at += int64(len(p))
	if len(s.buf)+len(p) > cap(s.buf) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.buf = append(s.buf, p...) // a piece that is larger than the buffer has it grow
	return nil
}

func (s *stream) flush() error {
	n, err := s.f.WriteAt(s.buf, s.done)
	s.done += int64(n)
	s.buf = s.buf[:0]
	return err
}
