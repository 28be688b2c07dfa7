package zmqpeer

import (
	"fmt"
	"slices"
	"time"
)

// warmUp is how many requests are made before those that count.
const warmUp = 500

// ask plays the req.
func (p *part) ask() (Result, error) {
	ask, err := p.lib.Req(p.uri, p.curve)
	if err != nil {
		return Result{}, err
	}
	body := make([]byte, MessageBytes)
	times := make([]time.Duration, 0, p.count)
	var used time.Duration
	var start time.Time
	for i := range warmUp + p.count {
		if i == warmUp {
			used, start = processTime(), time.Now()
		}
		before := time.Now()
		reply, err := ask(body)
		took := time.Since(before)
		if err != nil {
			return Result{}, err
		}
		if len(reply) != len(body) {
			return Result{}, fmt.Errorf("a reply has %d bytes", len(reply))
		}
		if i >= warmUp {
			times = append(times, took)
		}
	}
	r := Result{Count: p.count, Seconds: time.Since(start).Seconds(), CPU: (processTime() - used).Seconds(), RSS: peakRSS()}
	slices.Sort(times)
	r.P50, r.P99 = micros(times[len(times)/2]), micros(times[len(times)*99/100])
	return r, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// answer plays the rep, until the process is ended.
func (p *part) answer() (Result, error) {
	bound, answer, err := p.lib.Rep(p.uri, p.curve)
	if err != nil {
		return Result{}, err
	}
	fmt.Println("bound", bound)
	for err == nil {
		err = answer()
	}
	return Result{}, err
}
