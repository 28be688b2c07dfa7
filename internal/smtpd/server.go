package smtpd

import (
	"context"
	"net"
	"sync"
	"time"
)

// Config bounds what clients can do. All fields must be set.
type Config struct {
	Host           string        // the name in the greeting
	LMTP           bool          // speak LMTP, which answers for each recipient, and not SMTP
	MaxBytes       int           // of a mail
	MaxRecipients  int           // of a mail
	MaxConnections int           // at once; others are told to come later
	Memory         int           // bytes of the mails that are being received or taken, of all connections together
	Idle           time.Duration // silence that is waited for: for the next command, and the next piece of a mail
	MailTime       time.Duration // for all of a mail, however it trickles
}

// Backend is who the mails are for. Its methods are called by many goroutines at a time.
type Backend interface {
	// Recipient judges an address that a mail is for. A reply whose code is 250 takes it.
	Recipient(address string) Reply
	// Take gets a whole mail, which is its own from then on. A reply whose code is 250 says that it need not be sent again.
	Take(mail []byte) Reply
}

// server is one call of Serve.
type server struct {
	Config
	backend Backend
	ctx     context.Context
	memory  budget
	open    chan struct{} // has an element for each connection
}

// Serve answers connections until ctx ends, and then waits for those of which the backend has a mail. It returns nil then, or why it
// cannot go on. It closes the listener.
func Serve(ctx context.Context, ln net.Listener, c Config, b Backend) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &server{Config: c, backend: b, ctx: ctx, memory: budget{limit: c.Memory}, open: make(chan struct{}, c.MaxConnections)}
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		nc, err := ln.Accept()
		if err != nil {
			ln.Close()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case s.open <- struct{}{}:
		default:
			s.turnAway(nc)
			continue
		}
		sessions.Go(func() {
			defer func() { <-s.open }()
			s.serve(nc)
		})
	}
}

// turnAway tells a client that there are too many. It waits for nothing: so little fits into what a new connection holds.
func (s *server) turnAway(nc net.Conn) {
	_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = nc.Write(crowded.append(nil))
	nc.Close()
}

// budget bounds bytes.
type budget struct {
	limit int

	mu   sync.Mutex
	used int // guarded by mu
}

// take reports whether there was room for so many, and takes them.
func (b *budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit {
		return false
	}
	b.used += n
	return true
}

func (b *budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
}
