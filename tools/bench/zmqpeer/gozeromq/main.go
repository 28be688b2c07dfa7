// Command gozeromq is the part of github.com/go-zeromq/zmq4 in a measurement, see package zmqpeer. It has no CURVE.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/federated-messaging/fedmsg/tools/bench/zmqpeer"
)

var errNoCurve = errors.New("it has no CURVE")

func main() {
	zmqpeer.Main(zmqpeer.Library{Pub: pub, Sub: sub, Req: req, Rep: rep})
}

// patience is how long it may take for what is sent to be queued; its own five minutes are as good, but cost a timer each.
const patience = 5 * time.Minute

// pub makes a publisher. Without a high-water mark it queues everything and loses nothing.
func pub(uri string, k *zmqpeer.Curve, drop bool) (string, func(topic, body []byte) error, error) {
	if k != nil || drop {
		return "", nil, errNoCurve
	}
	s := zmq4.NewPub(context.Background(), zmq4.WithTimeout(patience))
	bound, err := listen(s, uri)
	return bound, func(topic, body []byte) error {
		// The queue keeps the frames.
		return s.SendMulti(zmq4.NewMsgFrom(topic, append([]byte(nil), body...)))
	}, err
}

// listen binds; it finds no free ports itself.
func listen(s zmq4.Socket, uri string) (string, error) {
	if host, ok := strings.CutSuffix(uri, ":0"); ok {
		l, err := net.Listen("tcp", strings.TrimPrefix(uri, "tcp://"))
		if err != nil {
			return "", err
		}
		uri = fmt.Sprintf("%s:%d", host, l.Addr().(*net.TCPAddr).Port)
		l.Close()
	}
	if path, ok := strings.CutPrefix(uri, "ipc://"); ok {
		_ = os.Remove(path) // it may not be there
	}
	return uri, s.Listen(uri)
}

func sub(uri string, k *zmqpeer.Curve) (func() ([]byte, error), error) {
	if k != nil {
		return nil, errNoCurve
	}
	s := zmq4.NewSub(context.Background())
	if err := s.SetOption(zmq4.OptionSubscribe, ""); err != nil {
		return nil, err
	}
	return func() ([]byte, error) {
		m, err := s.Recv()
		if err != nil {
			return nil, err
		}
		return m.Frames[1], nil
	}, s.Dial(uri)
}

func req(uri string, k *zmqpeer.Curve) (func([]byte) ([]byte, error), error) {
	if k != nil {
		return nil, errNoCurve
	}
	s := zmq4.NewReq(context.Background())
	return func(body []byte) ([]byte, error) {
		if err := s.Send(zmq4.NewMsg(body)); err != nil {
			return nil, err
		}
		m, err := s.Recv()
		if err != nil {
			return nil, err
		}
		return m.Frames[0], nil
	}, s.Dial(uri)
}

func rep(uri string, k *zmqpeer.Curve) (string, func() error, error) {
	if k != nil {
		return "", nil, errNoCurve
	}
	s := zmq4.NewRep(context.Background())
	bound, err := listen(s, uri)
	return bound, func() error {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		return s.Send(m)
	}, err
}
