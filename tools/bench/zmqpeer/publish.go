package zmqpeer

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// syncEvery is the time between messages that only tell subscribers that they are connected.
const syncEvery = 5 * time.Millisecond

// publish plays the pub.
func (p *part) publish() (Result, error) {
	bound, send, err := p.lib.Pub(p.uri, p.curve, p.window > 0)
	if err != nil {
		return Result{}, err
	}
	fmt.Println("bound", bound)
	lines := p.lines()
	topic, body := []byte(Topic), make([]byte, MessageBytes)
	for line := ""; line != "go"; {
		if err := send(topic, body); err != nil {
			return Result{}, err
		}
		select {
		case line = <-lines:
		case <-time.After(syncEvery):
		}
	}
	used := processTime()
	start := time.Now()
	acked := 0
	for i := 1; i <= p.count; i++ {
		for p.window > 0 && i > acked+p.window {
			if acked, err = readAck(<-lines); err != nil {
				return Result{}, err
			}
		}
		binary.BigEndian.PutUint64(body, uint64(i))
		if err := send(topic, body); err != nil {
			return Result{}, err
		}
	}
	for line := range lines {
		if line == "done" {
			break
		}
	}
	return Result{Count: p.count, Seconds: time.Since(start).Seconds(), CPU: (processTime() - used).Seconds(), RSS: peakRSS()}, nil
}

func readAck(line string) (int, error) {
	n, ok := strings.CutPrefix(line, "ack ")
	if !ok {
		return 0, fmt.Errorf("%q came instead of an acknowledgement", line)
	}
	return strconv.Atoi(n)
}

// lines gives what comes on standard input; the goroutine ends with the process.
func (p *part) lines() <-chan string {
	lines := make(chan string, 16)
	go func() {
		for p.stdin.Scan() {
			lines <- p.stdin.Text()
		}
		close(lines)
	}()
	return lines
}

// subscribe plays the sub, with as many sockets as it has peers.
func (p *part) subscribe() (Result, error) {
	ready, ended := make(chan struct{}, p.peers), make(chan error, p.peers)
	a := newAcks(p.window, p.peers)
	var first atomic.Int64
	began := time.Now()
	for range p.peers {
		receive, err := p.lib.Sub(p.uri, p.curve)
		if err != nil {
			return Result{}, err
		}
		go func() { // ends with the process
			ended <- p.consume(receive, func() { ready <- struct{}{} }, func(n int) {
				if n == 1 {
					first.CompareAndSwap(0, int64(time.Since(began)))
				}
				a.reached(n)
			})
		}()
	}
	for range p.peers {
		<-ready
	}
	used := processTime()
	fmt.Println("ready")
	for range p.peers {
		if err := <-ended; err != nil {
			return Result{}, err
		}
	}
	span := time.Since(began) - time.Duration(first.Load())
	return Result{Count: p.count * p.peers, Seconds: span.Seconds(), CPU: (processTime() - used).Seconds(), RSS: peakRSS()}, nil
}

// consume receives everything and checks that nothing is missing.
func (p *part) consume(receive func() ([]byte, error), ready func(), got func(n int)) error {
	for heard, n := false, 0; n < p.count; {
		body, err := receive()
		if err != nil {
			return err
		}
		if len(body) != MessageBytes {
			return fmt.Errorf("a message has %d bytes", len(body))
		}
		if !heard {
			heard = true
			ready()
		}
		number := int(binary.BigEndian.Uint64(body))
		if number == 0 {
			continue
		}
		if n++; number != n {
			return fmt.Errorf("message %d came instead of %d", number, n)
		}
		if n == 1 || p.window > 0 && n%(p.window/4) == 0 {
			got(n)
		}
	}
	return nil
}

// acks tells the publisher what all sockets have.
type acks struct {
	step  int
	left  [16]atomic.Int64 // sockets that have not reached a step; the window is four steps
	peers int64
}

func newAcks(window, peers int) *acks {
	a := &acks{step: window / 4, peers: int64(peers)}
	for i := range a.left {
		a.left[i].Store(a.peers)
	}
	return a
}

func (a *acks) reached(n int) {
	if a.step == 0 || n%a.step != 0 {
		return
	}
	left := &a.left[n/a.step%len(a.left)]
	if left.Add(-1) == 0 {
		left.Store(a.peers)
		fmt.Println("ack", n)
	}
}
