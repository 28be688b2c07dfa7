package zmtp

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// patientWait is how long a test waits for what has to happen. It is only used up by a test that fails.
const patientWait = 20 * time.Second

// pythonPeer is a process with sockets of libzmq, driven by testdata/interop.py. One goroutine at a time may use it.
type pythonPeer struct {
	*fedmsgtest.Script
	last int // number of the newest socket
}

// startPython starts one, which ends with the test.
func startPython(t testing.TB) *pythonPeer {
	t.Helper()
	return &pythonPeer{Script: fedmsgtest.StartScript(t, "testdata/interop.py")}
}

// pythonAnswer is what the process says.
type pythonAnswer struct {
	Error    string
	URI      string
	Messages []Message
}

// do has it do one thing.
func (p *pythonPeer) do(op string, args map[string]any) (a pythonAnswer, err error) {
	request := map[string]any{"op": op}
	for name, value := range args {
		request[name] = value
	}
	line, err := json.Marshal(request)
	if err != nil {
		return a, err
	}
	if _, err := p.In.Write(append(line, '\n')); err != nil {
		return a, fmt.Errorf("libzmq's process: %w", err)
	}
	if !p.Out.Scan() {
		return a, fmt.Errorf("libzmq's process has ended: %v", p.Out.Err())
	}
	if err := json.Unmarshal(p.Out.Bytes(), &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, errors.New("libzmq: " + a.Error)
	}
	return a, nil
}

// pythonSocket is one socket of libzmq.
type pythonSocket struct {
	p  *pythonPeer
	id int
}

// open makes a socket, with options as module zmq names them.
func (p *pythonPeer) open(kind SocketType, options map[string]any) (*pythonSocket, error) {
	p.last++
	s := &pythonSocket{p, p.last}
	_, err := p.do("open", map[string]any{"id": s.id, "type": kind.String(), "options": options})
	return s, err
}

func (s *pythonSocket) do(op string, args map[string]any) (pythonAnswer, error) {
	args["id"] = s.id
	return s.p.do(op, args)
}

func (s *pythonSocket) bind(uri string) (string, error) {
	a, err := s.do("bind", map[string]any{"uri": uri})
	return a.URI, err
}

func (s *pythonSocket) connect(uri string) error {
	_, err := s.do("connect", map[string]any{"uri": uri})
	return err
}

func (s *pythonSocket) subscribe(cancel bool, prefixes ...string) error {
	_, err := s.do("subscribe", map[string]any{"prefixes": asMessage(prefixes), "cancel": cancel})
	return err
}

func (s *pythonSocket) send(message ...string) error {
	_, err := s.do("send", map[string]any{"frames": asMessage(message), "wait": patientWait.Milliseconds()})
	return err
}

func (s *pythonSocket) receive(wait time.Duration) ([]string, error) {
	a, err := s.do("receive", map[string]any{"wait": wait.Milliseconds()})
	if err != nil || len(a.Messages) == 0 {
		return nil, err
	}
	return texts(a.Messages[0]), nil
}

func (s *pythonSocket) close() error {
	_, err := s.do("close", map[string]any{})
	return err
}

// asMessage are texts as the frames of one.
func asMessage(texts []string) Message {
	m := make(Message, len(texts))
	for i, text := range texts {
		m[i] = []byte(text)
	}
	return m
}

// texts are the frames of a message.
func texts(m Message) []string {
	s := make([]string, len(m))
	for i, frame := range m {
		s[i] = string(frame)
	}
	return s
}
