package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

const (
	maxRefs      = 1000     // most updated refs of one push that are looked at
	maxFiles     = 300      // most files of one commit that are listed; the counts are of all
	maxText      = 32 << 10 // most bytes of a commit's body
	maxGitOutput = 64 << 20 // most bytes that are read of the git program
)

// update is one line that git gives to post-receive. Ids of a ref that did not exist, or no longer does, are zeros.
type update struct{ old, new, ref string }

func (u update) created() bool { return strings.Trim(u.old, "0") == "" }
func (u update) deleted() bool { return strings.Trim(u.new, "0") == "" }

// readUpdates reads the lines OLD NEW REF. Ids are checked, because they become arguments of git.
func readUpdates(in io.Reader) ([]update, error) {
	var all []update
	scan := bufio.NewScanner(in)
	for scan.Scan() {
		old, rest, ok1 := strings.Cut(scan.Text(), " ")
		id, ref, ok2 := strings.Cut(rest, " ")
		if !ok1 || !ok2 || !isObjectID(old) || !isObjectID(id) || !strings.HasPrefix(ref, "refs/") {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "the input has a line that is not OLD NEW REF; run this as the hook post-receive")
		}
		if len(all) == maxRefs {
			return all, nil
		}
		all = append(all, update{old, id, ref})
	}
	if err := scan.Err(); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read what was pushed")
	}
	return all, nil
}

// isObjectID reports whether s is an id in hexadecimal, of SHA-1 or SHA-256.
func isObjectID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// git runs the git program in the current directory and gives what it prints.
func (p *program) git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "-c", "log.showSignature=false", "-c", "log.showRoot=true"}, args...)...)
	cmd.Env = append(p.environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
	var stderr bytes.Buffer
	out := &capped{limit: maxGitOutput}
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fedmsg.Errorf(fedmsg.CodeTimeout, "git %s took too long", args[0])
		}
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, errors.Join(err, errors.New(strings.TrimSpace(stderr.String()))), "git %s failed", args[0])
	}
	return out.buf, nil
}

// capped keeps what is written to it, up to a limit.
type capped struct {
	buf   []byte
	limit int
}

func (c *capped) Write(b []byte) (int, error) {
	if len(c.buf)+len(b) > c.limit {
		return 0, errors.New("git printed too much")
	}
	c.buf = append(c.buf, b...)
	return len(b), nil
}

// event is one message about a push.
type event struct {
	topic string // receive, branch or tag
	body  json.RawMessage
}

// gitPush makes messages of what was pushed.
type gitPush struct {
	run        func(ctx context.Context, args ...string) ([]byte, error) // the git program
	repo       string
	noEmail    bool
	maxCommits int

	commits int             // published already
	seen    map[string]bool // commits of new branches that were told already
}

// refEvent is the body of git.branch and git.tag.
type refEvent struct {
	Repo   string `json:"repo"`
	Branch string `json:"branch,omitempty"`
	Tag    string `json:"tag,omitempty"`
	Ref    string `json:"ref"`
	Action string `json:"action"`
	Revs   revs   `json:"revs"`
}

// revs is where a ref was and is; null where it did not exist or no longer does.
type revs struct {
	Old *string `json:"old"`
	New *string `json:"new"`
}

func (u update) revs() (r revs) {
	if !u.created() {
		r.Old = &u.old
	}
	if !u.deleted() {
		r.New = &u.new
	}
	return r
}

// events gives the messages about all updates. With an error it gives those that could be made in time.
func (g *gitPush) events(ctx context.Context, updates []update) ([]event, error) {
	g.seen = map[string]bool{}
	if g.repo == "" {
		g.repo = g.name(ctx)
	}
	var all []event
	var errs []error
	for _, u := range updates {
		if tag, ok := strings.CutPrefix(u.ref, "refs/tags/"); ok {
			all = append(all, g.tag(u, tag))
		} else if branch, ok := strings.CutPrefix(u.ref, "refs/heads/"); ok {
			more, err := g.branch(ctx, u, branch, updates)
			all = append(all, more...)
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// name is what the repository is called: its directory without .git.
func (g *gitPush) name(ctx context.Context) string {
	out, err := g.run(ctx, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return "unknown"
	}
	dir := strings.TrimSuffix(string(out), "\n")
	if filepath.Base(dir) == ".git" {
		dir = filepath.Dir(dir)
	}
	return strings.TrimSuffix(filepath.Base(dir), ".git")
}

func (g *gitPush) tag(u update, tag string) event {
	action := "moved"
	switch {
	case u.created():
		action = "created"
	case u.deleted():
		action = "deleted"
	}
	return makeEvent("tag", refEvent{Repo: g.repo, Tag: tag, Ref: u.ref, Action: action, Revs: u.revs()})
}

// branch gives what became of a branch, and then its new commits.
func (g *gitPush) branch(ctx context.Context, u update, branch string, updates []update) ([]event, error) {
	var all []event
	told := func(action string) {
		all = append(all, makeEvent("branch", refEvent{Repo: g.repo, Branch: branch, Ref: u.ref, Action: action, Revs: u.revs()}))
	}
	forced := false
	switch {
	case u.deleted():
		told("deleted")
		return all, nil
	case u.created():
		told("created")
	default:
		// merge-base ends with status 1, which is an error here, when the old end is not in the new history.
		if _, err := g.run(ctx, "merge-base", "--is-ancestor", u.old, u.new); err != nil && ctx.Err() == nil {
			forced = true
			told("forced")
		}
	}
	commits, err := g.newCommits(ctx, u, branch, u.known(updates))
	for i := range commits {
		commits[i].Forced = forced
		all = append(all, makeEvent("receive", commits[i]))
	}
	return all, err
}

// known names, as arguments of git, the commits whose history is not news on this branch: where it was, or, for a new one,
// where all branches are and were that this push did not create.
func (u update) known(updates []update) []string {
	if !u.created() {
		return []string{u.old}
	}
	var args, olds []string
	for _, other := range updates {
		branch, ok := strings.CutPrefix(other.ref, "refs/heads/")
		if !ok {
			continue
		}
		args = append(args, "--exclude="+branch) // no name of a ref has characters of a pattern
		if !other.created() {
			olds = append(olds, other.old)
		}
	}
	return append(append(args, "--branches"), olds...)
}

// count asks how many commits there are behind id and not behind the others.
func (g *gitPush) count(ctx context.Context, id string, without []string) (int, error) {
	out, err := g.run(ctx, append([]string{"rev-list", "--count", id, "--not"}, append(without, "--")...)...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// makeEvent encodes a body. encoding/json puts U+FFFD where names are not UTF-8.
func makeEvent(topic string, body any) event {
	b, err := json.Marshal(body)
	if err != nil {
		b = []byte(`{}`) // these types have no value that cannot be encoded
	}
	return event{topic: topic, body: b}
}
