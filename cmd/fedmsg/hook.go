package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
)

// hookTimes bound the hook, since somebody's push waits for it.
type hookTimes struct {
	whole    time.Duration // nobody's push waits longer
	reading  time.Duration // the part of it that reading the repository may take
	sending  time.Duration // the part after which what the node has not taken goes to the spool
	draining time.Duration // the part for what waits in the spool from before
}

// timesOfHook are those of a real push.
func timesOfHook() hookTimes {
	return hookTimes{whole: 2 * time.Second, reading: 900 * time.Millisecond, sending: 600 * time.Millisecond, draining: 200 * time.Millisecond}
}

// hookFlags are the flags of `fedmsg hook git`.
type hookFlags struct {
	*clientFlags
	modname    string
	repo       string
	noEmail    bool
	maxCommits int
	times      hookTimes
}

// hookCommand is `fedmsg hook`, which has one hook for each kind of program that calls one.
func (p *program) hookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Publish what another program reports through a hook",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.hookGitCommand())
	return cmd
}

// hookGitCommand is `fedmsg hook git`.
func (p *program) hookGitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "git",
		Short: "Publish what was pushed to a git repository; run it as post-receive",
		Long: `Publish what was pushed to a git repository. Run it as the hook post-receive.

There is one message on MODNAME.receive for each commit that is new on a branch, oldest first, one on MODNAME.branch when a
branch was created, deleted or moved to where it did not lead (action "created", "deleted", "forced"), and one on MODNAME.tag
when a tag was created, deleted or moved ("created", "deleted", "moved").

A push never fails or waits for more than two seconds because of this hook: what no node takes in time goes to the spool,
and troubles are only told on standard error.`,
		Example: `  printf '#!/bin/sh\nexec fedmsg hook git\n' >repo.git/hooks/post-receive && chmod +x repo.git/hooks/post-receive
  fedmsg hook git --no-email --max-commits 20`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	o := hookFlags{clientFlags: nodeClientFlags(f), times: p.hookTimes}
	if o.times == (hookTimes{}) {
		o.times = timesOfHook()
	}
	o.publishingFlags(f)
	f.StringVar(&o.modname, "modname", "git", "name of the service in topics")
	f.StringVar(&o.repo, "repo", "", "name of the repository in messages (default: of its directory, without .git)")
	f.BoolVar(&o.noEmail, "no-email", false, "leave e-mail addresses of authors out")
	f.IntVar(&o.maxCommits, "max-commits", 100, "publish no more than so many commits of one push, the newest; messages tell how many were left out")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := p.hookGit(cmd, &o); err != nil {
			p.note("fedmsg hook git: %s", err)
		}
		return nil // whatever happened: the push is done
	}
	return cmd
}

// hookGit runs the hook, and leaves it running behind when its time is over.
func (p *program) hookGit(cmd *cobra.Command, o *hookFlags) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), o.times.whole)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.publishPush(ctx, cmd, o) }() // not waited for at the deadline: the program ends
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fedmsg.Errorf(fedmsg.CodeTimeout, "%s are over; some messages of this push may not have been published", o.times.whole)
	}
}

// publishPush reads what was pushed and publishes it.
func (p *program) publishPush(ctx context.Context, cmd *cobra.Command, o *hookFlags) error {
	cfg, err := p.clientConfig(cmd, o.clientFlags)
	if err != nil {
		return err
	}
	o.timeout = min(o.timeout, o.times.sending)
	c, err := p.newClient(cfg, o.clientFlags, true)
	if err != nil {
		return err
	}
	defer c.Close()
	updates, err := readUpdates(p.stdin)
	if err != nil {
		return err
	}
	reading, cancel := context.WithTimeout(ctx, o.times.reading)
	defer cancel()
	push := &gitPush{run: p.git, repo: o.repo, noEmail: o.noEmail, maxCommits: o.maxCommits}
	events, readErr := push.events(reading, updates)
	if len(events) > 0 {
		drainFirst(ctx, c, o.times.draining)
	}
	var tickets []*client.Ticket
	for _, e := range events {
		topic := fedmsg.FullTopic(cfg.TopicPrefix, cfg.Environment, o.modname, e.topic)
		t, err := c.Submit(ctx, fedmsg.Message{Topic: topic, Body: e.body})
		if err != nil {
			return errors.Join(readErr, err)
		}
		tickets = append(tickets, t)
	}
	return errors.Join(readErr, p.awaitPush(ctx, tickets))
}

// awaitPush waits for all outcomes and tells the first of each kind.
func (p *program) awaitPush(ctx context.Context, tickets []*client.Ticket) error {
	first, count := map[fedmsg.Code]error{}, map[fedmsg.Code]int{}
	for _, t := range tickets {
		if _, err := t.Wait(ctx); err != nil {
			code := fedmsg.CodeOf(err)
			if count[code]++; count[code] == 1 {
				first[code] = err
			}
		}
	}
	for code, err := range first {
		p.note("fedmsg hook git: %d of %d messages: %s", count[code], len(tickets), err)
	}
	return nil
}
