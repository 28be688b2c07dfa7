package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg/tools/bench/zmqpeer"
)

// zmqProcess is a process that plays a part with a ZeroMQ library.
type zmqProcess struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	errors strings.Builder
}

// zmqPart is what a process is to do; see package zmqpeer.
type zmqPart struct {
	role, uri    string
	count, peers int
	curve        *zmqpeer.Curve
	window       int
}

// startZMQ starts the program of a library, which ctx kills.
func (b *bench) startZMQ(ctx context.Context, library string, p zmqPart) (*zmqProcess, error) {
	mechanism := "null"
	if k := p.curve; k != nil {
		mechanism = strings.Join([]string{"curve", k.ServerPublic, k.ServerSecret, k.ClientPublic, k.ClientSecret}, ",")
	}
	cmd := exec.CommandContext(ctx, b.tool("zmqpeer-"+library), p.role, p.uri, strconv.Itoa(p.count), strconv.Itoa(p.peers), mechanism, strconv.Itoa(p.window))
	z := &zmqProcess{name: library + " " + p.role, cmd: cmd}
	cmd.Stderr, cmd.Env = &z.errors, os.Environ()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	z.in, z.out = in, bufio.NewScanner(out)
	return z, cmd.Start()
}

// line reads a line.
func (z *zmqProcess) line() (string, error) {
	if !z.out.Scan() {
		_ = z.cmd.Wait() // what it said is more than its status
		return "", fmt.Errorf("%s ended: %s", z.name, z.errors.String())
	}
	return z.out.Text(), nil
}

// expect reads a line that begins with a word, and gives the rest.
func (z *zmqProcess) expect(word string) (string, error) {
	line, err := z.line()
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(line, word)
	if !ok {
		return "", fmt.Errorf("%s said %q where %q was awaited", z.name, line, word)
	}
	return strings.TrimSpace(rest), nil
}

func (z *zmqProcess) say(line string) error {
	_, err := io.WriteString(z.in, line+"\n")
	return err
}

// result reads what it measured, and hands each line before that to other.
func (z *zmqProcess) result(other func(line string) error) (r zmqpeer.Result, err error) {
	for {
		line, err := z.line()
		if err != nil {
			return r, err
		}
		if strings.HasPrefix(line, "{") {
			return r, json.Unmarshal([]byte(line), &r)
		}
		if err := other(line); err != nil {
			return r, err
		}
	}
}

// kill ends the process if it has not ended.
func (z *zmqProcess) kill() {
	_ = z.cmd.Process.Kill() // it may have ended
	_ = z.cmd.Wait()         // also if it was awaited before
}
