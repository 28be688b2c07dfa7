// Command fedmsg is the part of this project's zmtp in a measurement, see package zmqpeer.
package main

import (
	"context"
	"errors"

	"github.com/federated-messaging/fedmsg/tools/bench/zmqpeer"
	"github.com/federated-messaging/fedmsg/zmtp"
)

func main() {
	zmqpeer.Main(zmqpeer.Library{Pub: pub, Sub: sub, Req: req, Rep: rep})
}

// server and client give the options of each side.
func server(k *zmqpeer.Curve) (zmtp.Options, error) {
	if k == nil {
		return zmtp.Options{}, nil
	}
	secret, err := zmtp.ParseCurveSecret(k.ServerSecret)
	if err != nil {
		return zmtp.Options{}, err
	}
	return zmtp.Options{Security: zmtp.CurveServer{
		Keys:      secret.Pair(),
		Authorise: func(zmtp.Peer, zmtp.CurveKey) (string, error) { return "anybody", nil },
	}}, nil
}

func client(k *zmqpeer.Curve) (zmtp.Options, error) {
	if k == nil {
		return zmtp.Options{}, nil
	}
	secret, err := zmtp.ParseCurveSecret(k.ClientSecret)
	if err != nil {
		return zmtp.Options{}, err
	}
	of, err := zmtp.ParseCurveKey(k.ServerPublic)
	return zmtp.Options{Security: zmtp.CurveClient{Keys: secret.Pair(), ServerKey: of}}, err
}

func pub(uri string, k *zmqpeer.Curve, drop bool) (string, func(topic, body []byte) error, error) {
	o, err := server(k)
	if err != nil {
		return "", nil, err
	}
	s := zmtp.NewPub(o)
	s.Blocking(!drop)
	bound, err := s.Bind(uri)
	ctx := context.Background()
	return bound, func(topic, body []byte) error { return s.Send(ctx, topic, body) }, err
}

func sub(uri string, k *zmqpeer.Curve) (func() ([]byte, error), error) {
	o, err := client(k)
	if err != nil {
		return nil, err
	}
	s := zmtp.NewSub(o)
	if err := s.Subscribe(""); err != nil {
		return nil, err
	}
	ctx := context.Background()
	batch := make([]zmtp.Message, 0, 64)
	next := 0
	return func() ([]byte, error) {
		if next == len(batch) {
			clear(batch)
			var err error
			if batch, err = s.ReceiveBatch(ctx, batch[:0]); err != nil {
				return nil, err
			}
			next = 0
		}
		next++
		return batch[next-1][1], nil
	}, s.Connect(uri)
}

func req(uri string, k *zmqpeer.Curve) (func([]byte) ([]byte, error), error) {
	o, err := client(k)
	if err != nil {
		return nil, err
	}
	s := zmtp.NewReq(o)
	ctx := context.Background()
	return func(body []byte) ([]byte, error) {
		m, err := s.Do(ctx, body)
		if err != nil {
			return nil, err
		}
		return m[0], nil
	}, s.Connect(uri)
}

// rep answers in the goroutine that reads, as a server does whose answers take no time.
func rep(uri string, k *zmqpeer.Curve) (string, func() error, error) {
	o, err := server(k)
	if err != nil {
		return "", nil, err
	}
	s := zmtp.NewRep(o)
	ctx, failed := context.Background(), make(chan error, 1)
	s.Handle(func(q *zmtp.Request) {
		if err := q.Reply(ctx, q.Message...); err != nil && !errors.Is(err, zmtp.ErrNoPeer) {
			failed <- err
		}
	})
	bound, err := s.Bind(uri)
	return bound, func() error { return <-failed }, err
}
