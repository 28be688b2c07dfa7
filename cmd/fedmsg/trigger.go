package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/trigger"
)

// triggerName is the one sink of `fedmsg trigger`, and the name of its files.
const triggerName = "trigger"

// triggerFlags are the flags of `fedmsg trigger`.
type triggerFlags struct {
	*clientFlags
	topics, prefixes, senders, signers []string
	where, after, state                string
	concurrency, attempts, limit       int
	runTime                            time.Duration
	retryDead                          bool
}

// triggerCommand is `fedmsg trigger`.
func (p *program) triggerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trigger --topic PATTERN… -- COMMAND [ARGUMENT]…",
		Short: "Start a program for each message",
		Long: `Follow a node and start a program for each message that is wanted. The message's envelope is on the program's standard input,
and FEDMSG_TOPIC, FEDMSG_ID, FEDMSG_POSITION, FEDMSG_RECEIVED, FEDMSG_SENDER, FEDMSG_SIGNER and FEDMSG_VERDICT are in its
environment. No shell is between, so that nothing in a message can be run.

The program's exit status decides: 0 is done; 65 and 100 give the message up; after any other, after a signal, and when it
takes longer than --run-time, the message is tried again, with growing waits, and given up after --attempts.

With --state DIR the position is kept there: when trigger is started again it goes on behind the last message that was done,
so that each is done at least once. Messages that were given up lie in DIR too, and --retry-dead has them tried again.
Without it trigger begins with what comes from now on. A node can do the same without this verb: see [[sink]] with command.`,
		Example: `  fedmsg trigger --topic 'org.example.prod.git.receive' -- /usr/local/bin/rebuild-site
  fedmsg trigger --topic '#.bug.close' --where 'msg.number > 90000' --state /var/lib/closer -- ./on-close --quiet
  fedmsg trigger --topic '#.bug.close' --state /var/lib/closer --retry-dead -- ./on-close --quiet
  fedmsg trigger --topic '#' --after 0 --limit 10 -- cat`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows the program is the program's
	o := triggerFlags{clientFlags: nodeClientFlags(f)}
	f.StringArrayVar(&o.topics, "topic", nil, "pattern of topics; may be repeated, # is everything")
	f.StringArrayVar(&o.prefixes, "prefix", nil, "beginning of topics; may be repeated")
	f.StringArrayVar(&o.senders, "sender", nil, "who handed the message to the node, as in uid:1000; may be repeated")
	f.StringArrayVar(&o.signers, "signer", nil, "who signed it, ROOT or ROOT/NAME; may be repeated")
	f.StringVar(&o.where, "where", "", "expression that must be true of the message")
	f.StringVar(&o.after, "after", "", "position to begin behind where --state has none yet; 0 is the very beginning")
	f.StringVar(&o.state, "state", "", "directory to keep the position and what was given up in")
	f.IntVar(&o.concurrency, "concurrency", 1, "how many programs run at once; above one the order is not kept")
	f.IntVar(&o.attempts, "attempts", 10, "how often a message is tried before it is given up")
	f.DurationVar(&o.runTime, "run-time", time.Minute, "how long the program may take for one message")
	f.IntVar(&o.limit, "limit", 0, "end after so many messages; 0 is no limit")
	f.BoolVar(&o.retryDead, "retry-dead", false, "try again what was given up and lies in --state, and end")
	cmd.MarkFlagsMutuallyExclusive("retry-dead", "limit")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.trigger(cmd, &o, args) }
	return cmd
}

// sink makes of the flags the configuration of a sink.
func (o *triggerFlags) sink(command []string) (deliver.Config, error) {
	c := deliver.Config{
		Name: triggerName, Command: command, Prefixes: o.prefixes, Senders: o.senders, Signers: o.signers, Where: o.where,
		InFlight: o.concurrency, Attempts: o.attempts, AnswerTimeout: o.runTime, Start: "now",
	}
	for _, text := range o.topics {
		pattern, err := parsePattern(text)
		if err != nil {
			return c, err
		}
		c.Topics = append(c.Topics, pattern)
	}
	if len(c.Topics) == 0 && len(c.Prefixes) > 0 {
		c.Topics = []fedmsg.Pattern{fedmsg.MatchAll()}
	}
	switch {
	case len(c.Topics) == 0:
		return c, fedmsg.Errorf(fedmsg.CodeUsage, "say which messages: --topic 'org.example.prod.git.receive', or --topic '#' for all")
	case o.concurrency < 1 || o.attempts < 1 || o.runTime <= 0 || o.limit < 0:
		return c, fedmsg.Errorf(fedmsg.CodeUsage, "--concurrency, --attempts and --run-time must be more than 0, and --limit not less")
	case o.after == "0":
		c.Start = "beginning"
	case o.after != "":
		if _, err := fedmsg.ParsePosition(o.after); err != nil {
			return c, err
		}
		c.Start = o.after
	}
	return c, nil
}

// trigger runs the verb.
func (p *program) trigger(cmd *cobra.Command, o *triggerFlags, command []string) error {
	c, err := o.sink(command)
	if err == nil && o.retryDead && o.state == "" {
		err = fedmsg.Errorf(fedmsg.CodeUsage, "--retry-dead goes with --state DIR, where the messages lie that were given up")
	}
	if err != nil {
		return err
	}
	cfg, err := p.clientConfig(cmd, o.clientFlags)
	if err != nil {
		return err
	}
	p.warnShort(cmd.CommandPath(), cfg, o.topics)
	logger := p.operatorLog(max(cfg.LogLevel, slog.LevelWarn))
	if err := trigger.Find(command[0]); err != nil {
		return fedmsg.WrapError(fedmsg.CodeUsage, err, "%s", sentence(err))
	}
	run, err := trigger.New(trigger.Options{Command: command, Timeout: o.runTime, Stdout: p.stdout, Stderr: p.stderr, Logger: logger})
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeUsage, err, "%s", sentence(err))
	}
	node, err := p.newClient(cfg, o.clientFlags, false)
	if err != nil {
		return err
	}
	defer node.Close()
	end, err := node.Log(cmd.Context()) // also tells at once when there is no node, or no right to read
	if err != nil {
		return err
	}
	dir, done, err := triggerDir(o.state)
	if err != nil {
		return err
	}
	defer done()

	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	follow := client.FollowOptions{Topics: c.Topics, Prefixes: c.Prefixes}
	follow.Lost, follow.Resumed = p.connection(cmd.CommandPath())
	log := &followedLog{ctx: ctx, client: node, options: follow, end: fedmsg.Position{Log: end.ID, Seq: end.Last}, failed: cancel}
	defer log.wait()
	limited := newLimited(run, o.limit, o.attempts, func() { cancel(nil) })
	c.AnswerTimeout = trigger.Patience(c)
	set, err := deliver.New([]deliver.Configured{{Config: c, Sink: deliver.Each(limited, o.concurrency)}},
		deliver.Deps{Log: log, Places: dir, Dir: dir, Logger: logger})
	if err == nil {
		err = set.Adrift() // which is nothing to wait in for an operator
	}
	if err != nil {
		return err
	}
	set.Start()
	if o.retryDead {
		err = p.retryDead(ctx, set)
		cancel(nil)
	}
	<-ctx.Done()
	stop, stopped := context.WithTimeout(context.WithoutCancel(cmd.Context()), o.timeout)
	defer stopped()
	if stopErr := set.Stop(stop); err == nil {
		err = stopErr
	}
	if cause := context.Cause(ctx); err == nil && cause != context.Canceled && cmd.Context().Err() == nil {
		err = cause
	}
	return err
}

// retryDead has what was given up tried again, one after the other.
func (p *program) retryDead(ctx context.Context, set *deliver.Set) error {
	failed := 0
	for after := uint64(0); ; {
		letters, err := set.DeadList(triggerName, after, batchDocuments)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			break
		}
		for _, l := range letters {
			after = l.Number
			if err := set.DeadRetry(ctx, triggerName, l.Number); err != nil {
				if ctx.Err() != nil {
					return err
				}
				failed++
				p.note("fedmsg trigger: %s on %s: %s", l.ID, l.Topic, sentence(err))
			}
		}
	}
	if failed > 0 {
		return fedmsg.Errorf(fedmsg.CodeQueued, "%d messages still cannot be done; they stay where they are", failed)
	}
	return nil
}

// triggerDir makes the directory that was named, or one for the time being.
func triggerDir(named string) (dir string, done func(), err error) {
	remove := func() {}
	if named == "" {
		dir, err = os.MkdirTemp("", "fedmsg-trigger-")
		remove = func() { _ = os.RemoveAll(dir) }
	} else {
		dir, err = named, os.MkdirAll(named, 0o700)
	}
	if err != nil {
		return "", nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make a directory to keep the position in")
	}
	lock, err := durable.OS{}.Lock(filepath.Join(dir, ".lock"))
	if err != nil {
		remove()
		return "", nil, fedmsg.WrapError(fedmsg.CodeLocked, err, "cannot use %s: another trigger does, or it is not yours", dir)
	}
	return dir, func() { _ = lock.Close(); remove() }, nil
}

// limited ends a trigger after so many messages, done or given up: none is begun beyond them.
type limited struct {
	deliver.Deliverer
	left chan struct{} // one for each that may still begin; nil is no limit
	end  chan struct{} // one for each that is still to be done before all is called
	all  func()

	attempts int // with so many a message is given up
	mu       sync.Mutex
	failed   map[fedmsg.Position]int // how often each failed that is tried again; guarded by mu
}

func newLimited(d deliver.Deliverer, limit, attempts int, all func()) *limited {
	l := &limited{Deliverer: d, all: all, attempts: attempts, failed: map[fedmsg.Position]int{}}
	if limit > 0 {
		l.left, l.end = make(chan struct{}, limit), make(chan struct{}, limit-1)
		for range limit - 1 {
			l.left <- struct{}{}
			l.end <- struct{}{}
		}
		l.left <- struct{}{}
	}
	return l
}

// Deliver runs the program, or waits for the end where there were enough.
func (l *limited) Deliver(ctx context.Context, e *fedmsg.Entry) error {
	if l.left == nil {
		return l.Deliverer.Deliver(ctx, e)
	}
	select {
	case <-l.left:
	case <-ctx.Done():
		return fedmsg.Errorf(fedmsg.CodeInterrupted, "there were enough messages")
	}
	err := l.Deliverer.Deliver(ctx, e)
	if err != nil && !deliver.IsPermanent(err) && !l.last(ctx, e) {
		l.left <- struct{}{} // it will begin again
		return err
	}
	select {
	case <-l.end:
	default:
		l.all()
	}
	return err
}

// last reports whether the message failed for the last time. An attempt that was broken off counts for nothing.
func (l *limited) last(ctx context.Context, e *fedmsg.Entry) bool {
	if ctx.Err() != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed[e.Position]++; l.failed[e.Position] < l.attempts {
		return false
	}
	delete(l.failed, e.Position)
	return true
}
