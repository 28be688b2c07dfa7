package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// oneShots is how many commands a round runs, one after the other.
const oneShots = 100

// oneShot measures a whole `fedmsg publish`, from its start as a process to its end.
func oneShot(ctx context.Context, b *bench) (sample, error) {
	n, err := b.theNode(ctx, signing)
	if err != nil {
		return sample{}, err
	}
	env := b.nodeEnv("FEDMSG_NODE=unix://" + n.socket)
	return b.repeated(ctx, env, b.tool("fedmsg"), "publish", "--topic", benchTopic, "--message", "it is done")
}

// doNothing measures the start and end of a process that does nothing: the part that is the system's.
func doNothing(ctx context.Context, b *bench) (sample, error) {
	return b.repeated(ctx, nil, "/bin/true")
}

// repeated gives the median time of a command.
func (b *bench) repeated(ctx context.Context, env []string, name string, args ...string) (sample, error) {
	times := make([]time.Duration, oneShots)
	for i := range times {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env, cmd.Dir = env, b.dir
		start := time.Now()
		out, err := cmd.CombinedOutput()
		times[i] = time.Since(start)
		if err != nil {
			return sample{}, fmt.Errorf("%s: %w: %s", name, err, out)
		}
	}
	slices.Sort(times)
	return sample{span: times[len(times)/2]}, nil
}

// idleNode looks at the memory of a node that was started with nothing configured and left alone for a while.
func idleNode(ctx context.Context, b *bench) (sample, error) {
	b.stopServers()
	n, err := b.theNode(ctx, signing)
	if err != nil {
		return sample{}, err
	}
	defer b.stopServers()
	select {
	case <-time.After(3 * time.Second):
	case <-ctx.Done():
	}
	rss, err := n.rss()
	return sample{size: rss}, err
}

// startFilled measures the start of a node on a million messages, from its start as a process until it is ready.
func startFilled(ctx context.Context, b *bench) (sample, error) {
	b.stopServers()
	n, err := b.theFilledNode(ctx)
	if err != nil {
		return sample{}, err
	}
	defer b.stopServers()
	return sample{span: n.took}, nil
}
