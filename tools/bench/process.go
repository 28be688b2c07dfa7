package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startPatience bounds the start and the stop of a server.
const startPatience = 90 * time.Second

// server is a child process that serves.
type server struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	pid   int // whose CPU time counts; the child's own unless set
}

// startServer starts a server whose output goes to a file.
func startServer(logFile string, env []string, name string, args ...string) (*server, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, env
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, err
	}
	s := &server{cmd: cmd, log: log, ended: make(chan struct{}), pid: cmd.Process.Pid}
	go func() { // ends with the process, which stop waits for
		_ = cmd.Wait() // the status of a server that was killed says nothing
		close(s.ended)
	}()
	return s, nil
}

// stop ends the server by its own pid: asked first, then killed.
func (s *server) stop() error {
	defer s.log.Close()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-s.ended:
		return nil
	case <-time.After(15 * time.Second):
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	return fmt.Errorf("%s did not stop on SIGTERM within 15 s", s.cmd.Path)
}

// await calls ready again and again until it gives nil.
func (s *server) await(ctx context.Context, every time.Duration, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-s.ended:
			return fmt.Errorf("%s ended at its start: %w; its output is:\n%s", s.cmd.Path, err, s.output())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// output gives the end of what the server printed.
func (s *server) output() string {
	text, _ := os.ReadFile(s.log.Name()) // for an error message
	return string(text[max(0, len(text)-2000):])
}

// cpu is the processor time that the server has used so far, in user and kernel mode.
func (s *server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		return 0, err
	}
	// Behind the name, which may hold anything, utime and stime are the 12th and 13th field, in ticks of 10 ms.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// rss is the resident memory of the server in bytes.
func (s *server) rss() (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// freePort gives a TCP port of the loopback interface that nobody uses at the moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
