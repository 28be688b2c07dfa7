package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// behindLong is how old what waits at a sink may get before that is told.
const behindLong = 5 * time.Minute

// sinks says how each sink of the node is.
func (n *node) sinks(ctx context.Context) []Finding {
	var answer struct {
		Sinks []deliver.Status `json:"sinks"`
	}
	if err := n.ask(ctx, "/v1/sinks", &answer); err != nil {
		return []Finding{n.untold("sinks", err)}
	}
	if len(answer.Sinks) == 0 {
		return []Finding{ok(n.subject.Node, "the node has no sinks")}
	}
	all := make([]Finding, len(answer.Sinks))
	for i := range answer.Sinks {
		all[i] = ofSink(&answer.Sinks[i], n.subject.Now())
	}
	return all
}

// ofSink is the one thing about a sink that matters most. Between two attempts one that does not get through seems to run: its last
// trouble came while what it has to deliver waited.
func ofSink(s *deliver.Status, now time.Time) Finding {
	looked := s.Name + " (" + s.To + ")"
	waits := time.Duration(s.LagTime * float64(time.Second)).Round(time.Millisecond)
	stuck := s.State == deliver.StateRunning && waits > 0 && s.LastTime.After(now.Add(-waits))
	switch {
	case s.State == deliver.StateStopped:
		return failed(looked, fmt.Sprintf("it has stopped, %d entries behind: %s", s.Lag, s.LastError), "mend what it says (`fedmsg sink show "+s.Name+"`); where its dead letters are at their limit, `fedmsg dead retry --all sink/"+s.Name+"` or `fedmsg dead drop --all sink/"+s.Name+"`; then `fedmsg sink resume "+s.Name+"`")
	case s.State == deliver.StateWaiting || stuck:
		return warning(looked, fmt.Sprintf("it does not get through, and is %d entries behind: %s", s.Lag, s.LastError), "look after the destination; nothing is lost, and it is tried again. `fedmsg sink show "+s.Name+"` tells when it gets through")
	case s.State == deliver.StatePaused:
		return warning(looked, fmt.Sprintf("it is paused, %d entries behind", s.Lag), "`fedmsg sink resume "+s.Name+"`")
	case waits > behindLong:
		return warning(looked, fmt.Sprintf("it lags: %d entries behind, of which the first has waited for %s", s.Lag, waits), "see with `fedmsg sink show "+s.Name+"` whether it catches up; else look after the destination, or raise in_flight of the sink")
	}
	return ok(looked, "it delivers; %d entries behind", s.Lag)
}

// sources says how each source of the node is.
func (n *node) sources(ctx context.Context) []Finding {
	var answer struct {
		Sources []receive.Status `json:"sources"`
	}
	if err := n.ask(ctx, "/v1/sources", &answer); err != nil {
		return []Finding{n.untold("sources", err)}
	}
	if len(answer.Sources) == 0 {
		return []Finding{ok(n.subject.Node, "the node has no sources")}
	}
	var all []Finding
	for _, s := range answer.Sources {
		looked := s.Name + " (" + s.From + ")"
		switch {
		case s.HeldBack:
			all = append(all, warning(looked, "it is held back, since what it brings cannot be stored now: "+s.LastError, "mend what it says; it is tried again"))
		case !s.Connected:
			what, cure := ofSource(&s)
			all = append(all, warning(looked, what+": "+s.LastError, cure+"; it is tried again"))
		default:
			all = append(all, ok(looked, "it is connected; %d messages received since the start of the node, %d of them refused", s.Received, s.Refused))
		}
	}
	return all
}

// ofSource says what is the matter with a source that is not connected, and what helps, which depends on its kind.
func ofSource(s *receive.Status) (what, cure string) {
	kind, rest, _ := strings.Cut(s.From, ":")
	path := strings.TrimPrefix(rest, "//")
	switch kind {
	case "maildir":
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return "it takes no mails", "make the Maildir, and give it to the node's user: `mkdir -p " + path + "/{tmp,new,cur}`"
		}
		return "it takes no mails", "give " + path + " and every mail in it to the node's user (`chown -R`), or take away the mail that the sentence names"
	case "lmtp", "lmtp+unix", "smtp":
		return "it does not listen for mails", "look with `ss -lxp` and `ss -ltnp` who has its address, and whether the node's user may make a socket there"
	}
	if strings.HasPrefix(kind, "poll+") {
		return "what it asks has no good answer", "`fedmsg source poll " + s.Name + " --dry-run` shows what the answer is"
	}
	return "it is not connected", "look after the other side, its address and the credentials"
}

// dead counts the dead letters. Those of a sink or source that is not configured any more are not counted: a list of them may be long.
func (n *node) dead(ctx context.Context) []Finding {
	var here struct {
		Sinks   []deliver.Status `json:"sinks"`
		Sources []receive.Status `json:"sources"`
	}
	var left struct {
		Dead []deadletter.Letter `json:"dead"`
	}
	if err := errors.Join(n.ask(ctx, "/v1/sinks", &here), n.ask(ctx, "/v1/sources", &here)); err != nil {
		return []Finding{n.untold("dead letters", err)}
	}
	var all []Finding
	for i := range here.Sinks {
		all = append(all, ofDead(deadletter.KindSink+"/"+here.Sinks[i].Name, here.Sinks[i].Dead)...)
	}
	for i := range here.Sources {
		all = append(all, ofDead(deadletter.KindSource+"/"+here.Sources[i].Name, here.Sources[i].Dead)...)
	}
	err := n.ask(ctx, "/v1/dead?limit=1", &left) // the oldest of each
	for _, l := range left.Dead {
		if l.Left {
			all = append(all, warning(l.Kind+"/"+l.Of+" (not configured any more)", "dead letters wait for a decision", deadCure))
		}
	}
	switch {
	case err != nil:
		return append(all, n.untold("dead letters of what is not configured any more", err))
	case len(all) == 0:
		return []Finding{noneDead()}
	}
	return all
}

func noneDead() Finding { return ok("all sinks and sources", "there are no dead letters") }

// deadCure is what to do about dead letters.
const deadCure = "`fedmsg dead list` shows them; then `fedmsg dead retry` or `fedmsg dead drop`"

// ofDead tells of so many dead letters of a sink or source, if there are some.
func ofDead(name string, count int) []Finding {
	if count == 0 {
		return nil
	}
	noun := "dead letters wait"
	if count == 1 {
		noun = "dead letter waits"
	}
	return []Finding{warning(name, fmt.Sprintf("%d %s for a decision", count, noun), deadCure)}
}

// untold says that the node does not speak of something to who asks.
func (n *node) untold(what string, err error) Finding {
	return warning(n.subject.Node, "nothing is known of its "+what+": "+err.Error(), n.cureOfRefusal(err))
}
