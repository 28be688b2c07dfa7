package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// topFlags are the flags of `fedmsg top`.
type topFlags struct {
	*clientFlags
	topics   []string
	interval time.Duration
	rows     int
	once     bool
	format   string
}

// topCommand is `fedmsg top`.
func (p *program) topCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top [--topic PATTERN]…",
		Short: "Show what goes through a node now: rates by topic, readers, sinks and sources with their lag",
		Long: `Show, again and again, what goes through a node: the rate of each topic, how far each reader, sink and source is, and the archive.
Rates are of what this reader may have, which the node decides as for any other: top follows the log itself. Of readers, sinks and
sources a node tells on its unix socket alone, of readers only to root and the user that it runs as.

On a terminal the picture is drawn anew each time; elsewhere each one is printed below the last. Ctrl-C ends it.`,
		Example: `  fedmsg top
  fedmsg top --topic 'org.example.prod.#' --interval 10s
  fedmsg top --once
  fedmsg top --once --format json | jq -r '.sinks[] | select(.lag > 1000) | .name'`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{wordsHint: "patterns of topics go with --topic"},
	}
	f := cmd.Flags()
	o := topFlags{clientFlags: nodeClientFlags(f)}
	f.StringArrayVar(&o.topics, "topic", nil, "pattern of the topics that are counted; may be repeated")
	f.DurationVar(&o.interval, "interval", 2*time.Second, "how long is counted for each picture, 100ms at least")
	f.IntVar(&o.rows, "rows", 20, "how many topics and readers are shown at most; of json all are")
	f.BoolVar(&o.once, "once", false, "end behind the first picture")
	format := formatFlag(cmd, "text")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.format = *format
		if err := checkFormat(o.format, "text"); err != nil {
			return err
		}
		if o.interval < 100*time.Millisecond || o.rows < 1 {
			return usageError(cmd, "--interval is at least 100ms, and --rows at least 1", "")
		}
		return p.top(cmd, &o)
	}
	return cmd
}

// top follows a node, and shows what goes through it until it is stopped.
func (p *program) top(cmd *cobra.Command, o *topFlags) error {
	follow := client.FollowOptions{FailFast: true}
	for _, text := range o.topics {
		pattern, err := parsePattern(text)
		if err != nil {
			return err
		}
		follow.Topics = append(follow.Topics, pattern)
	}
	cfg, err := p.clientConfig(cmd, o.clientFlags)
	if err != nil {
		return err
	}
	c, err := p.newClient(cfg, o.clientFlags, false)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, stop := watchReader(cmd.Context(), p.stdout)
	count := newTally()
	ended := make(chan error, 1)
	var following sync.WaitGroup
	following.Go(func() { ended <- count.follow(ctx, c, follow) })
	defer following.Wait()
	defer stop() // before it is waited for
	screen := p.newScreen(o)
	err = p.watch(ctx, c, o, count, screen, ended)
	screen.close()
	if cmd.Context().Err() != nil {
		return nil // Ctrl-C is how one leaves it
	}
	return err
}

// watch shows a picture each time the interval is over.
func (p *program) watch(ctx context.Context, c *client.Client, o *topFlags, count *tally, screen *screen, ended <-chan error) error {
	select { // the first interval begins when the node has answered
	case <-count.connected:
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
	begin := time.Now()
	count.take()
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			v := p.observe(ctx, c, o.timeout)
			v.count(count.take(), now.Sub(begin))
			begin = now
			if err := screen.show(v); err != nil || o.once {
				return err
			}
		}
	}
}

// screen is where pictures are shown.
type screen struct {
	p     *program
	o     *topFlags
	drawn bool // on a terminal: the picture takes the place of the last
}

func (p *program) newScreen(o *topFlags) *screen {
	return &screen{p: p, o: o, drawn: o.format == "text" && !o.once && ops.Terminal(p.stdout) && p.getenv("TERM") != "dumb"}
}

// show shows one picture.
func (s *screen) show(v *view) error {
	if s.o.format == "json" {
		return v.json(s.p.stdout)
	}
	text := v.text(s.o.rows)
	if !s.drawn {
		_, err := fmt.Fprintln(s.p.stdout, text)
		return err
	}
	columns, rows := ops.Size(s.p.stdout)
	_, err := fmt.Fprint(s.p.stdout, "\x1b[?25l\x1b[H"+fit(text, columns, rows)+"\x1b[J")
	return err
}

// close leaves the terminal as it was, but for the last picture.
func (s *screen) close() {
	if s.drawn {
		fmt.Fprint(s.p.stdout, "\x1b[?25h\n")
	}
}

// fit cuts a picture to the terminal. Each line ends with what clears the rest of it.
func fit(text string, columns, rows int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if rows > 1 && len(lines) > rows-1 {
		lines = lines[:rows-1]
	}
	for i, line := range lines {
		if r := []rune(line); columns > 0 && len(r) > columns {
			line = string(r[:columns])
		}
		lines[i] = line + "\x1b[K"
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// isRefused reports whether a node speaks of something only elsewhere, or not to this user.
func isRefused(err error) bool {
	code, text := fedmsg.Public(err)
	return code == fedmsg.CodeForbidden || code == fedmsg.CodeUnauthenticated || code == fedmsg.CodeNotFound && strings.HasPrefix(text, "there is no /v1/")
}
