package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// repository is a bare repository and a working one that pushes to it. Hooks are not run: tests hand what was pushed to
// the hook themselves.
type repository struct {
	t          *testing.T
	bare, work string
	times      hookTimes // none: those of a real push
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	fedmsgtest.Tool(t, "git")
	dir := t.TempDir()
	r := &repository{t: t, bare: filepath.Join(dir, "shop.git"), work: filepath.Join(dir, "work")}
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(dir, "none"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, role := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+role+"_NAME", "Ada")
		t.Setenv("GIT_"+role+"_EMAIL", "ada@example.org")
		t.Setenv("GIT_"+role+"_DATE", "2026-01-02T03:04:05Z")
	}
	r.must(dir, "init", "-q", "--bare", r.bare)
	r.must(dir, "init", "-q", "-b", "main", r.work)
	r.git("remote", "add", "origin", r.bare)
	return r
}

func (r *repository) must(dir string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) git(args ...string) string { r.t.Helper(); return r.must(r.work, args...) }

func (r *repository) commit(subject, file, content string) string {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.work, file), []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", subject)
	return r.git("rev-parse", "HEAD")
}

// push pushes and gives what post-receive would be given.
func (r *repository) push(refs ...string) (updates []update) {
	r.t.Helper()
	before := r.refs()
	r.git(append([]string{"push", "-q", "--force", "origin"}, refs...)...)
	after := r.refs()
	zero := strings.Repeat("0", 40)
	names := map[string]bool{}
	for ref := range before {
		names[ref] = true
	}
	for ref := range after {
		names[ref] = true
	}
	for ref := range names {
		old, id := before[ref], after[ref]
		if old == "" {
			old = zero
		}
		if id == "" {
			id = zero
		}
		if old != id {
			updates = append(updates, update{old, id, ref})
		}
	}
	slices.SortFunc(updates, func(a, b update) int { return strings.Compare(a.ref, b.ref) })
	return updates
}

func (r *repository) refs() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(r.must(r.bare, "for-each-ref", "--format=%(objectname) %(refname)")) {
		if id, ref, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[ref] = id
		}
	}
	return all
}

// events runs the hook's reading in the bare repository.
func (r *repository) events(push *gitPush, updates []update) (all []map[string]any) {
	r.t.Helper()
	p := &program{environ: os.Environ}
	push.run = func(ctx context.Context, args ...string) ([]byte, error) {
		return p.git(ctx, append([]string{"--git-dir", r.bare}, args...)...)
	}
	if push.maxCommits == 0 {
		push.maxCommits = 100
	}
	events, err := push.events(r.t.Context(), updates)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range events {
		m := map[string]any{}
		if err := json.Unmarshal(e.body, &m); err != nil {
			r.t.Fatal(err)
		}
		m["topic"] = e.topic
		all = append(all, m)
	}
	return all
}

// brief is an event in a few words.
func brief(m map[string]any) string {
	switch m["topic"] {
	case "branch":
		return fmt.Sprint("branch ", m["branch"], " ", m["action"])
	case "tag":
		return fmt.Sprint("tag ", m["tag"], " ", m["action"])
	}
	var files []string
	for _, f := range m["files"].([]any) {
		f := f.(map[string]any)
		files = append(files, fmt.Sprintf("%v+%v-%v", f["path"], f["added"], f["deleted"]))
	}
	return fmt.Sprintf("%v: %v %v", m["branch"], m["subject"], files)
}

func briefs(all []map[string]any) (out []string) {
	for _, m := range all {
		out = append(out, brief(m))
	}
	return out
}

func wantEvents(t *testing.T, got []map[string]any, want ...string) {
	t.Helper()
	if !slices.Equal(briefs(got), want) {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(briefs(got), "\n"), strings.Join(want, "\n"))
	}
}

func TestHookFirstPush(t *testing.T) {
	r := newRepository(t)
	r.commit("First\n\nWith a body.\nOf two lines.", "a", "1\n2\n")
	head := r.commit("Second", "b \t\"ü\"\n", "x")
	got := r.events(&gitPush{}, r.push("main"))
	wantEvents(t, got, "branch main created", "main: First [a+2-0]", "main: Second [b \t\"ü\"\n+1-0]")
	m := got[2]
	if m["repo"] != "shop" || m["rev"] != head || m["added"] != 1.0 || m["deleted"] != 0.0 || m["time"] != "2026-01-02T03:04:05Z" {
		t.Errorf("%v", m)
	}
	if author := m["author"].(map[string]any); author["name"] != "Ada" || author["email"] != "ada@example.org" {
		t.Errorf("author %v", author)
	}
	if revs := m["revs"].(map[string]any); revs["old"] != nil || revs["new"] != head {
		t.Errorf("revs %v", revs)
	}
	if got[1]["body"] != "With a body.\nOf two lines." {
		t.Errorf("body %q", got[1]["body"])
	}
}

func TestHookFurtherPushAndDeletion(t *testing.T) {
	r := newRepository(t)
	r.commit("First", "a", "1\n")
	r.push("main")
	r.commit("Second", "a", "2\n")
	r.commit("Empty", "a", "2\n")
	if err := os.WriteFile(filepath.Join(r.work, "bin"), []byte("\x00\x01"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.commit("Binary", "a", "2\n")
	wantEvents(t, r.events(&gitPush{}, r.push("main")), "main: Second [a+1-1]", "main: Empty []", "main: Binary [bin+<nil>-<nil>]")
	// A branch without commits of its own, and tags.
	r.git("tag", "v1")
	r.git("tag", "-a", "-m", "x", "v2")
	wantEvents(t, r.events(&gitPush{}, r.push("main:refs/heads/next", "v1", "v2")), "branch next created", "tag v1 created", "tag v2 created")
	r.git("tag", "-f", "v1", "HEAD~1")
	wantEvents(t, r.events(&gitPush{}, r.push(":next", ":v2", "v1")), "branch next deleted", "tag v1 moved", "tag v2 deleted")
}

func TestHookTwoNewBranchesTellCommitsOnce(t *testing.T) {
	r := newRepository(t)
	r.commit("First", "a", "1")
	r.push("main")
	r.git("checkout", "-q", "-b", "one")
	r.commit("Work", "b", "1")
	got := r.events(&gitPush{}, r.push("one", "one:two"))
	wantEvents(t, got, "branch one created", "one: Work [b+1-0]", "branch two created")
}

func TestHookForcePush(t *testing.T) {
	r := newRepository(t)
	r.commit("First", "a", "1")
	r.commit("Second", "a", "2")
	r.push("main")
	r.git("reset", "-q", "--hard", "HEAD~1")
	wantEvents(t, r.events(&gitPush{}, r.push("main")), "branch main forced")
	r.git("commit", "-q", "--amend", "-m", "Other")
	got := r.events(&gitPush{}, r.push("main"))
	wantEvents(t, got, "branch main forced", "main: Other [a+1-0]")
	if got[1]["forced"] != true {
		t.Errorf("%v", got[1])
	}
}

func TestHookMerge(t *testing.T) {
	r := newRepository(t)
	r.commit("First", "a", "1\n")
	r.push("main")
	r.git("checkout", "-q", "-b", "side")
	r.commit("Side", "b", "1\n")
	r.git("checkout", "-q", "main")
	r.commit("Main", "a", "2\n")
	r.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
	got := r.events(&gitPush{}, r.push("main"))
	if len(got) != 3 || brief(got[2]) != "main: Merge [b+1-0]" || len(got[2]["parents"].([]any)) != 2 {
		t.Errorf("%v", briefs(got))
	}
}

func TestHookNamesThatAreNotUTF8(t *testing.T) {
	r := newRepository(t)
	r.commit("x", "f\xff", "1")
	// git mends what it is told on the command line; other programs have written such commits.
	raw := filepath.Join(t.TempDir(), "commit")
	text := "tree " + r.git("rev-parse", "HEAD^{tree}") + "\nauthor J\xf6rg <j@x> 1767323045 +0000\ncommitter C <c@x> 1 +0000\n\ncaf\xe9 \x1b[31m\n"
	if err := os.WriteFile(raw, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r.git("reset", "-q", "--hard", r.git("hash-object", "-w", "-t", "commit", raw))
	got := r.events(&gitPush{noEmail: true}, r.push("main"))
	wantEvents(t, got, "branch main created", "main: caf\ufffd \x1b[31m [f\ufffd+1-0]")
	author := got[1]["author"].(map[string]any)
	if _, ok := author["email"]; ok || author["name"] != "J\ufffdrg" {
		t.Errorf("author %v", author)
	}
}

func TestHookBoundsCommits(t *testing.T) {
	r := newRepository(t)
	for i := range 6 {
		r.commit(fmt.Sprint("c", i), "a", fmt.Sprint(i))
	}
	got := r.events(&gitPush{maxCommits: 2}, r.push("main"))
	wantEvents(t, got, "branch main created", "main: c4 [a+1-1]", "main: c5 [a+1-1]")
	if part := got[2]["push"].(map[string]any); part["commit"] != 6.0 || part["commits"] != 6.0 || part["omitted"] != 4.0 {
		t.Errorf("push %v", part)
	}
}

// runHook runs the whole verb with a node that does not answer or does not exist.
func (r *repository) runHook(node string, updates []update, args ...string) (status int, stderr string) {
	r.t.Helper()
	var in, out, errs strings.Builder
	for _, u := range updates {
		fmt.Fprintln(&in, u.old, u.new, u.ref)
	}
	r.t.Chdir(r.bare)
	p := &program{
		name: "fedmsg", args: append([]string{"hook", "git", "--node", node}, args...), environ: os.Environ,
		stdin: strings.NewReader(in.String()), stdout: &out, stderr: &errs, hookTimes: r.times,
	}
	status = p.run(r.t.Context())
	if out.Len() > 0 {
		r.t.Errorf("stdout: %s", out.String())
	}
	return status, errs.String()
}

func TestHookWithoutNodeSpools(t *testing.T) {
	r := newRepository(t)
	r.commit("First", "a", "1")
	dir := filepath.Join(t.TempDir(), "spool")
	status, stderr := r.runHook("unix:///nonexistent/x", r.push("main"), "--spool", dir)
	if status != 0 || !strings.Contains(stderr, "2 of 2 messages: no node took") {
		t.Errorf("%d: %s", status, stderr)
	}
	var topics []string
	_, err := spool.New(dir, spool.Options{}).DrainAll(t.Context(), func(_ context.Context, files []spool.File) (errs []error) {
		for _, f := range files {
			var w struct{ Topic string }
			errs = append(errs, json.Unmarshal(f.Envelope, &w))
			topics = append(topics, w.Topic)
		}
		return errs
	})
	if err != nil || !slices.Equal(topics, []string{"org.example.dev.git.branch", "org.example.dev.git.receive"}) {
		t.Errorf("%v, %v", topics, err)
	}
}

func TestHookHungNodeHoldsNoPush(t *testing.T) {
	r := newRepository(t)
	for i := range 20 {
		r.commit(fmt.Sprint(i), "a", fmt.Sprint(i))
	}
	real := timesOfHook()
	if sum := real.reading + real.draining + real.sending; sum >= real.whole {
		t.Errorf("the parts of the hook take %s of %s", sum, real.whole)
	}
	// A busy machine may take longer than a push may: what is held here is that the spool has all before the whole time is over.
	r.times = hookTimes{whole: time.Minute, reading: 30 * time.Second, sending: real.sending, draining: real.draining}
	node := hungNode(t)
	dir := filepath.Join(t.TempDir(), "spool")
	status, stderr := r.runHook(node, r.push("main"), "--spool", dir)
	if status != 0 || !strings.Contains(stderr, "21 of 21 messages: no node took") {
		t.Errorf("%d: %s", status, stderr)
	}
}

func TestHookNeverFailsThePush(t *testing.T) {
	r := newRepository(t)
	zero, one := strings.Repeat("0", 40), strings.Repeat("1", 40)
	for name, updates := range map[string][]update{
		"garbage":      {{"x", "y", "z"}},
		"option":       {{zero, "--output=/tmp/x", "refs/heads/a"}},
		"no such id":   {{zero, one, "refs/heads/a"}, {one, one, "refs/heads/b"}},
		"nothing":      {},
		"other refs":   {{zero, one, "refs/notes/commits"}},
		"bad ref name": {{zero, one, "refs/heads/--output=x"}},
	} {
		status, stderr := r.runHook("unix:///nonexistent/x", updates, "--spool", filepath.Join(t.TempDir(), "s"))
		if status != 0 {
			t.Errorf("%s: %d: %s", name, status, stderr)
		}
	}
	if status, _ := r.runHook("nonsense://x", nil, "--no-spool"); status != 0 {
		t.Error("a wrong option fails the push")
	}
}

func TestReadUpdates(t *testing.T) {
	id := strings.Repeat("a", 40)
	if got, err := readUpdates(strings.NewReader(id + " " + id + " refs/heads/a b\n")); err != nil || got[0].ref != "refs/heads/a b" {
		t.Errorf("%v, %v", got, err)
	}
	for _, line := range []string{"x", id, id + " " + id, id + " " + id + " heads/x", id + " --all refs/heads/x"} {
		if _, err := readUpdates(strings.NewReader(line + "\n")); fedmsg.CodeOf(err) != fedmsg.CodeUsage {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestGitThatFails(t *testing.T) {
	push := &gitPush{repo: "r", maxCommits: 10, run: func(context.Context, ...string) ([]byte, error) {
		return nil, errors.New("no git here")
	}}
	id := strings.Repeat("a", 40)
	events, err := push.events(t.Context(), []update{{strings.Repeat("0", 40), id, "refs/heads/main"}, {id, strings.Repeat("0", 40), "refs/tags/v1"}})
	if err == nil || len(events) != 2 {
		t.Errorf("%v, %v", events, err)
	}
}
