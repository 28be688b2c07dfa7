package zmtp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// party is a socket of either side as the scenarios use it.
type party interface {
	bind(uri string) (string, error)
	connect(uri string) error
	subscribe(cancel bool, prefixes ...string) error
	// send waits until the peer is there, but for PUB and XPUB.
	send(message ...string) error
	// receive gives nil where nothing came in the time. Subscriptions come as libzmq's XPUB tells them.
	receive(wait time.Duration) ([]string, error)
	close() error
}

var (
	_ party = (*pythonSocket)(nil)
	_ party = (*ourSocket)(nil)
)

// ourSocket is one of this package's.
type ourSocket struct {
	socket interface {
		Bind(uri string) (string, error)
		Connect(uri string) error
		Close() error
		Stats() Stats
	}
	sub interface {
		Subscribe(prefix string) error
		Unsubscribe(prefix string) error
	}
	write func(ctx context.Context, frames ...[]byte) error
	read  func(ctx context.Context) (Message, error)
	from  Peer // who sent the newest, where the socket tells
}

// openOurs makes one.
func openOurs(kind SocketType, o Options) (*ourSocket, error) {
	s := new(ourSocket)
	switch kind {
	case PUB:
		p := NewPub(o)
		s.socket, s.write = p, p.Send
	case XPUB:
		p := NewXPub(o)
		s.socket, s.write, s.read = p, p.Send, func(ctx context.Context) (Message, error) {
			in, err := p.Receive(ctx)
			return asLibzmq(in), err
		}
	case SUB:
		p := NewSub(o)
		s.socket, s.sub, s.read = p, p, p.Receive
	case XSUB:
		p := NewXSub(o)
		s.socket, s.sub, s.read, s.write = p, p, p.Receive, p.Send
	case PUSH:
		p := NewPush(o)
		s.socket, s.write = p, p.Send
	case PULL:
		p := NewPull(o)
		s.socket, s.read = p, p.Receive
	case DEALER:
		p := NewDealer(o)
		s.socket, s.write, s.read = p, p.Send, p.Receive
	case ROUTER:
		s.useRouter(NewRouter(o))
	case REQ:
		s.useReq(NewReq(o))
	case REP:
		s.useRep(NewRep(o))
	default:
		return nil, fmt.Errorf("no socket is of the type %s", kind)
	}
	return s, nil
}

// asLibzmq is a subscription as libzmq's XPUB gives it.
func asLibzmq(in Incoming) Message {
	switch {
	case in.Subscribe:
		return Message{append([]byte{1}, in.Message[0]...)}
	case in.Cancel:
		return Message{append([]byte{0}, in.Message[0]...)}
	}
	return in.Message
}

func (s *ourSocket) useRouter(p *Router) {
	s.socket = p
	s.read = func(ctx context.Context) (m Message, err error) {
		m, s.from, err = p.Receive(ctx)
		return m, err
	}
	s.write = func(ctx context.Context, frames ...[]byte) error {
		for {
			err := p.Send(ctx, frames...)
			if !errors.Is(err, ErrNoPeer) {
				return err
			}
			select { // nothing tells when a peer has come
			case <-ctx.Done():
				return err
			case <-time.After(2 * time.Millisecond):
			}
		}
	}
}

func (s *ourSocket) useReq(p *Req) {
	type reply struct {
		m   Message
		err error
	}
	replies := make(chan reply, 1)
	s.socket = p
	s.write = func(_ context.Context, frames ...[]byte) error {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patientWait)
			defer cancel()
			m, err := p.Do(ctx, frames...)
			replies <- reply{m, err}
		}()
		return nil
	}
	s.read = func(ctx context.Context) (Message, error) {
		select {
		case r := <-replies:
			return r.m, r.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *ourSocket) useRep(p *Rep) {
	var open *Request
	s.socket = p
	s.read = func(ctx context.Context) (m Message, err error) {
		if open, err = p.Receive(ctx); err != nil {
			return nil, err
		}
		s.from = open.From
		return open.Message, nil
	}
	s.write = func(ctx context.Context, frames ...[]byte) error { return open.Reply(ctx, frames...) }
}

// state tells in errors how the socket is.
func (s *ourSocket) state() string { return fmt.Sprintf("our socket: %+v", s.socket.Stats()) }

func (s *ourSocket) bind(uri string) (string, error) { return s.socket.Bind(uri) }
func (s *ourSocket) connect(uri string) error        { return s.socket.Connect(uri) }
func (s *ourSocket) close() error                    { return s.socket.Close() }

func (s *ourSocket) subscribe(cancel bool, prefixes ...string) error {
	var errs []error
	for _, prefix := range prefixes {
		if cancel {
			errs = append(errs, s.sub.Unsubscribe(prefix))
		} else {
			errs = append(errs, s.sub.Subscribe(prefix))
		}
	}
	return errors.Join(errs...)
}

func (s *ourSocket) send(message ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patientWait)
	defer cancel()
	return s.write(ctx, asMessage(message)...)
}

func (s *ourSocket) receive(wait time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	m, err := s.read(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return texts(m), err
}
