package smtpd

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for connections within this process, whose time may be that of a bubble.
type pipes struct {
	conns chan net.Conn
	ctx   context.Context // ends it
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-p.conns:
		return nc, nil
	case <-p.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestStopUnread holds that a client which sends and reads nothing does not keep the server from stopping.
func TestStopUnread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conf := config()
		conf.Idle = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		ln := &pipes{make(chan net.Conn), ctx}
		var serving, sending sync.WaitGroup
		serving.Go(func() {
			if err := Serve(ctx, ln, conf, newBox()); err != nil {
				t.Error(err)
			}
		})
		ours, theirs := net.Pipe()
		ln.conns <- theirs
		greeting := make([]byte, len("220 bus.example.org ESMTP\r\n"))
		if _, err := io.ReadFull(ours, greeting); err != nil {
			t.Fatal(err)
		}
		sending.Go(func() {
			for {
				if _, err := io.WriteString(ours, strings.Repeat("NOOP\r\n", 3)); err != nil {
					return
				}
			}
		})
		synctest.Wait() // until it answers, to nobody
		begun := time.Now()
		cancel()
		serving.Wait()
		if took := time.Since(begun); took > farewell {
			t.Errorf("the end took %s, want %s", took, farewell)
		}
		sending.Wait()
	})
}

// TestNoMails holds that a connection is not kept by commands alone, and that a mail gives it as many again.
func TestNoMails(t *testing.T) {
	t.Parallel()
	conf := config()
	address, _ := start(t, conf, newBox())
	c := dial(t, address).begin()
	c.send("a\r\n.\r\n")
	c.want("250")
	for range maxIdle + conf.MaxRecipients - 3 {
		c.say("NOOP", "250")
	}
	c.envelope().send("b\r\n.\r\n")
	c.want("250")
	for range maxIdle + conf.MaxRecipients {
		c.say("NOOP", "250")
	}
	c.say("NOOP", "421 4.7.0")
	c.closed()
}
