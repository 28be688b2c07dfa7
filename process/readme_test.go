package process

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// indented gives the lines of a page that stand as code by four spaces.
func indented(page string) []string {
	var lines []string
	for line := range strings.Lines(page) {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			lines = append(lines, strings.TrimSpace(code))
		}
	}
	return lines
}

// TestReadmeCommands runs every line that the README gives to copy: the node by go run, then the lines to try, in order. Of
// ./test, which runs this test, it holds that it is there and describes itself.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	page := readPage(t, "README.md")
	lines := indented(page)
	if len(lines) < 6 || lines[0] != "go run ./cmd/fedmsg serve" || lines[1] != "./test" {
		t.Fatalf("the README begins with %q; a newcomer's two commands are first", lines[:min(3, len(lines))])
	}
	port := fedmsgtest.FreePort()
	home, env := nodeOnPort(t, port)
	sh := newShell(t, repository, home, env...)
	if out := sh.run(t, "./test --help"); !strings.HasPrefix(out, "usage: ./test") {
		t.Errorf("./test --help says %q", out)
	}
	sh.run(t, "go build -o /dev/null ./cmd/fedmsg") // on a fresh machine that takes longer than a node may take to start
	sh.start(t, lines[0], "listening on http://127.0.0.1:"+port, "curl -N ")

	const published, posted = "org.example.dev.bugs.bug.close", "org.example.dev.wiki.page.edit"
	var seen []string    // by readers that were started before there was anything
	var queries []string // of what was published
	for _, line := range lines[2:] {
		line = strings.ReplaceAll(line, "127.0.0.1:8940", "127.0.0.1:"+port)
		switch {
		case strings.Contains(line, "fedmsg tail"):
			seen = append(seen, line)
		case strings.Contains(line, "fedmsg query"):
			queries = append(queries, line)
		case strings.HasPrefix(line, "curl -N "):
			sh.start(t, line, `"topic":"`+published+`"`, `"topic":"`+posted+`"`)
		case strings.Contains(line, "fedmsg publish"), strings.HasPrefix(line, "curl -d "):
			sh.run(t, line)
		default:
			t.Errorf("the README has the line %q, which this test does not run", line)
		}
	}
	for _, line := range seen { // --since 1h: it does not matter when they are started
		sh.start(t, line, published, posted)
	}
	for _, line := range queries {
		if out := sh.run(t, line); !strings.Contains(out, published) {
			t.Errorf("%s shows %q", line, out)
		}
	}
}

// TestReadmePages holds that the README names every page of docs.
func TestReadmePages(t *testing.T) {
	page := readPage(t, "README.md")
	pages, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, p := range pages {
		if name := "docs/" + filepath.Base(p); !strings.Contains(page, "]("+name+")") {
			t.Errorf("the README does not name %s", name)
		}
	}
}

// start starts a command that runs for ever and waits until it has printed each of the texts, in this order. It ends with
// the test.
func (s *shell) start(t *testing.T, command string, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.Stdout, cmd.Stderr = in, in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	drained := make(chan struct{})
	end := func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the group: `go run` has a child
	stop := context.AfterFunc(ctx, end)
	defer stop()
	t.Cleanup(func() {
		end()
		<-drained
		_ = cmd.Wait()
		out.Close()
	})
	var said strings.Builder
	for r := bufio.NewReader(out); len(texts) > 0; {
		line, err := r.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			close(drained)
			t.Fatalf("%s\nended without saying %q: %v %v\n%s", command, texts[0], err, ctx.Err(), clipEnd(said.String()))
		}
		for len(texts) > 0 && strings.Contains(line, texts[0]) {
			texts = texts[1:]
		}
	}
	go func() { // ends with the command
		defer close(drained)
		_, _ = io.Copy(io.Discard, out)
	}()
}
