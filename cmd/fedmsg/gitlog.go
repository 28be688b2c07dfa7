package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// commitEvent is the body of git.receive.
type commitEvent struct {
	Repo         string       `json:"repo"`
	Branch       string       `json:"branch"`
	Ref          string       `json:"ref"`
	Rev          string       `json:"rev"`
	Revs         revs         `json:"revs"` // of the whole push
	Parents      []string     `json:"parents"`
	Forced       bool         `json:"forced"`
	Author       person       `json:"author"`
	Committer    person       `json:"committer"`
	Time         string       `json:"time"` // of the author
	Subject      string       `json:"subject"`
	Body         string       `json:"body"`
	Files        []fileChange `json:"files"`
	FilesOmitted int          `json:"files_omitted"`
	Added        int          `json:"added"`
	Deleted      int          `json:"deleted"`
	Push         pushPart     `json:"push"`
}

// person is an author or committer as the commit names them.
type person struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// fileChange is what a commit did to one file; null lines are those of a binary file.
type fileChange struct {
	Path    string `json:"path"`
	Added   *int   `json:"added"`
	Deleted *int   `json:"deleted"`
}

// pushPart tells which of how many commits of the push on this branch a message is about.
type pushPart struct {
	Commit  int `json:"commit"` // from 1, the oldest
	Commits int `json:"commits"`
	Omitted int `json:"omitted"` // the oldest ones, about which there is no message
}

// logFormat gives the fields of a commit between zero bytes, which no field can contain. It begins with an empty field,
// which no entry of --numstat is, so that the end of a commit's files is known.
const logFormat = "--format=tformat:%x00%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%at%x00%s%x00%b%x00"

// logFields is the number of fields of logFormat behind the empty one.
const logFields = 9

// newCommits gives the commits that are new on a branch, oldest first.
func (g *gitPush) newCommits(ctx context.Context, u update, branch string, without []string) ([]commitEvent, error) {
	total, err := g.count(ctx, u.new, without)
	if err != nil || total == 0 {
		return nil, err
	}
	limit := min(total, max(0, g.maxCommits-g.commits))
	if limit == 0 {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "%d commits on %s were not published: --max-commits is %d", total, branch, g.maxCommits)
	}
	args := []string{
		"log", "-z", "--reverse", "--topo-order", "--no-color", "--encoding=UTF-8", "--numstat", "--no-renames", "--no-ext-diff",
		"--no-textconv", "--diff-merges=first-parent", "--max-count=" + strconv.Itoa(limit), logFormat, u.new, "--not",
	}
	out, err := g.run(ctx, append(append(args, without...), "--")...)
	if err != nil {
		return nil, err
	}
	commits, err := parseLog(out)
	if err != nil {
		return nil, err
	}
	omitted := total - len(commits)
	told := commits[:0]
	for i, c := range commits {
		if g.seen[c.Rev] && u.created() {
			continue // another new branch of this push had it
		}
		g.seen[c.Rev] = true
		c.Repo, c.Branch, c.Ref, c.Revs = g.repo, branch, u.ref, u.revs()
		c.Push = pushPart{Commit: omitted + i + 1, Commits: total, Omitted: omitted}
		if g.noEmail {
			c.Author.Email, c.Committer.Email = "", ""
		}
		told = append(told, c)
	}
	g.commits += len(told)
	return told, nil
}

// parseLog reads what git log -z --numstat prints with logFormat.
func parseLog(out []byte) ([]commitEvent, error) {
	fields := strings.Split(string(out), "\x00")
	var commits []commitEvent
	for i := 0; i < len(fields); {
		if strings.Trim(fields[i], "\n") == "" {
			i++
			continue
		}
		if i+logFields > len(fields) || !isObjectID(fields[i]) {
			return commits, fedmsg.Errorf(fedmsg.CodeInternal, "git log printed something unexpected")
		}
		c := newCommitEvent(fields[i : i+logFields])
		for i += logFields; i < len(fields); i++ {
			stat := strings.TrimPrefix(fields[i], "\n")
			if stat == "" {
				if i+1 < len(fields) && isStat(fields[i+1]) {
					continue
				}
				break
			}
			if err := c.file(stat); err != nil {
				return commits, err
			}
		}
		commits = append(commits, c)
	}
	return commits, nil
}

// isStat reports whether a field is an entry of --numstat and not a commit's id.
func isStat(field string) bool { return strings.Count(field, "\t") >= 2 }

// newCommitEvent makes an event of the fields of logFormat.
func newCommitEvent(f []string) commitEvent {
	c := commitEvent{
		Rev: f[0], Parents: strings.Fields(f[1]), Author: person{f[2], f[3]}, Committer: person{f[4], f[5]},
		Subject: clipText(f[7]), Body: clipText(strings.TrimSpace(f[8])), Files: []fileChange{},
	}
	if c.Parents == nil {
		c.Parents = []string{}
	}
	if seconds, err := strconv.ParseInt(f[6], 10, 64); err == nil {
		c.Time = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
	}
	return c
}

// clipText bounds text of a commit.
func clipText(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// file adds one entry of --numstat: ADDED, DELETED and the path, between tabs.
func (c *commitEvent) file(stat string) error {
	added, rest, ok1 := strings.Cut(stat, "\t")
	deleted, path, ok2 := strings.Cut(rest, "\t")
	if !ok1 || !ok2 {
		return fmt.Errorf("git log printed %q where a file should be", bytes.ToValidUTF8([]byte(stat[:min(len(stat), 64)]), nil))
	}
	f := fileChange{Path: path}
	if n, err := strconv.Atoi(added); err == nil {
		f.Added = &n
		c.Added += n
	}
	if n, err := strconv.Atoi(deleted); err == nil {
		f.Deleted = &n
		c.Deleted += n
	}
	if len(c.Files) >= maxFiles {
		c.FilesOmitted++
		return nil
	}
	c.Files = append(c.Files, f)
	return nil
}
