package process

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// secretWord is what is erased. It is in lower case, as words of the archive are.
const secretWord = "hunter2correcthorse"

// filesWith lists the files below a directory that have the word in them.
func filesWith(t *testing.T, dir, word string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(bytes.ToLower(data), []byte(word)) {
			found = append(found, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// secret is a message with the word in it.
func secret(n int, id string) string {
	return fmt.Sprintf(`{"topic":"org.example.dev.git.push","id":%q,"msg":{"n":%d,"bad":true,"text":"the password is %s"}}`, id, n, secretWord)
}

// holdRedacted holds what a node has left of a message: nothing but that it was redacted, wherever one asks, and in no file. The name of
// who did it begins with by.
func holdRedacted(t *testing.T, node *fedmsgtest.Node, by string, ids ...string) {
	t.Helper()
	if found := filesWith(t, node.State, secretWord); len(found) > 0 {
		t.Errorf("the bytes are still in %q", found)
	}
	for _, id := range ids {
		for _, path := range []string{"/v1/messages/" + id, "/v1/messages?id=" + id} {
			status, body, err := node.Get(t.Context(), path)
			text := string(body)
			if err != nil || status != http.StatusOK || !strings.Contains(text, `"redacted":true`) || !strings.Contains(text, `"reason":"a password"`) ||
				!strings.Contains(text, `"by":"`+by) || strings.Contains(text, secretWord) {
				t.Errorf("%s: %d %s %v", path, status, text, err)
			}
		}
		o := postOne(t, node, secret(1, id))
		if fedmsg.CodeOf(o.Err) != fedmsg.CodeRedacted {
			t.Errorf("publishing %s again: %+v", id, o)
		}
	}
	if r := node.CLI(t, nil, "check", "log", "--state", node.State); r.Status != 0 {
		t.Errorf("the log does not check: %s", r)
	}
	for _, e := range node.ReadAll(t) {
		if bytes.Contains(e.Envelope, []byte(secretWord)) || e.Redacted != (e.Envelope == nil) {
			t.Errorf("a stream gives %s", e.Envelope)
		}
	}
}

// postOne submits one message and gives what became of it.
func postOne(t *testing.T, node *fedmsgtest.Node, message string) fedmsg.Outcome {
	t.Helper()
	_, body := sendJSON(t, node, "/v1/messages", message)
	return fedmsgtest.ParseOutcome(body)
}

// sendJSON posts JSON.
func sendJSON(t *testing.T, node *fedmsgtest.Node, path, text string) (status int, body []byte) {
	t.Helper()
	resp, err := node.HTTP.Post("http://localhost"+path, "application/json", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b.Bytes()
}

// TestRedactedBytesAreGone has secrets in a full segment and in the last one, in blocks of the archive and in a dead letter, and redacts
// them. No file of the node has the bytes then, nor of a node that follows and heeds it; one that does not heed it keeps them. What is
// left is told everywhere, the logs check, and the ids stay taken, also after another start.
func TestRedactedBytesAreGone(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	rec.put("picky")
	p := newPeers(t, []string{"a", "b", "c"}, func(name string) string {
		text := "[log]\nsegment_bytes = 65536\n"
		follow := "[[source]]\nname = \"in\"\nfrom = \"{a}\"\ntopics = [\"#\"]\nretry_max = \"1s\"\n"
		switch name {
		case "a":
			return text + rec.config("rabbit")
		case "b":
			return "redact_from = [\"a\"]\n" + text + follow
		}
		return text + follow
	})
	p.archive = "sqlite"
	p.start("a", "b")
	a := p.nodes["a"]
	ids := []string{"early", "late"}
	p.publish("a", 150)
	delivered(t, a, numbered(1000, "a.b.good", ""), "rabbit")
	awaitSinks(t, a, secret(1, ids[0]), "rabbit", patience)
	var more bytes.Buffer
	for i := range 150 {
		more.Write(append(submission(fmt.Sprintf("more-%d", i), i), '\n'))
	}
	p.submit("a", &more, 150)
	awaitSinks(t, a, secret(2, ids[1]), "rabbit", patience)
	all := int(a.Log(t).Last)
	p.await("b", all)
	for _, name := range []string{"a", "b"} {
		sameAsLog(t, p.nodes[name])
		if found := strings.Join(filesWith(t, p.nodes[name].State, secretWord), " "); !strings.Contains(found, "log/") {
			t.Fatalf("before, the word is in %q of %s", found, name)
		}
	}
	if found := strings.Join(filesWith(t, a.State, secretWord), " "); !strings.Contains(found, "sinks/rabbit/dead") && len(p.dead("a")) != 2 {
		t.Fatalf("no dead letter has it: %q", found)
	}
	if out := cliOK(t, a, "redact", ids[0], "--reason", "a password", "--dry-run"); !strings.Contains(out, "would redact early on org.example.dev.git.push") || a.Log(t).Last != uint64(all) {
		t.Errorf("a dry run says %q", out)
	}
	for _, id := range ids {
		if out := cliOK(t, a, "redact", id, "--reason", "a password"); !strings.Contains(out, "log: erased\n  archive: erased\n") {
			t.Errorf("redact says %q", out)
		}
	}
	by := fmt.Sprintf("uid:%d", os.Getuid())
	holdRedacted(t, a, by, ids...)
	if dead := p.dead("a"); len(dead) != 0 {
		t.Errorf("dead letters are left: %+v", dead)
	}
	if again := cliOK(t, a, "redact", ids[0], "--reason", "twice"); !strings.Contains(again, "was redacted by "+by) || !strings.Contains(again, ": a password") {
		t.Errorf("redacting again says %q", again)
	}
	if r := a.CLI(t, nil, "redact", "nobody", "--reason", "x"); r.Status != 65 {
		t.Errorf("redacting nothing: %s", r)
	}
	b := p.nodes["b"]
	p.await("b", all+2)
	archived(t, b) // it has come to the redactions
	await(t, "that b has erased", func() bool { return len(filesWith(t, b.State, secretWord)) == 0 })
	holdRedacted(t, b, "a", ids...)
	for n, by := range map[*fedmsgtest.Node]string{a: by, b: "a"} {
		n.Restart(t)
		holdRedacted(t, n, by, ids...)
		archived(t, n)
	}
	// One that comes later and follows from the beginning is given nothing of them; nor does it take the word of a.
	p.start("c")
	p.await("c", all-2)
	await(t, "that c refuses both redactions", func() bool { return len(p.dead("c")) == 2 })
	for _, l := range p.dead("c") {
		if l.Code != fedmsg.CodeForbidden || !strings.Contains(l.Reason, "redact_from") {
			t.Errorf("%s: %s", l.Code, l.Reason)
		}
	}
	if found := filesWith(t, p.nodes["c"].State, secretWord); len(found) > 0 {
		t.Errorf("c was given it: %q", found)
	}
	// The originals are refused where they come behind their redaction, from whoever still has them.
	if status, body := sendJSON(t, p.nodes["c"], "/v1/messages", `{"topic":"org.example.dev.fedmsg.redact","msg":{"id":"a-1"}}`); status != http.StatusForbidden {
		t.Errorf("a redaction of a publisher: %d %s", status, body)
	}
}

// TestRedactionSurvivesKill kills the node when a redaction is in the log and could not be carried out: it is when the node comes back.
func TestRedactionSurvivesKill(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite"})
	if o := postOne(t, node, secret(1, "x")); o.Err != nil {
		t.Fatal(o.Err)
	}
	sameAsLog(t, node)
	// The note of what is being erased cannot be written: a directory that is not empty has its name.
	obstacle := filepath.Join(node.State, "log", "redact.json.tmp")
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/v1/redactions", strings.NewReader(`{"id":"x","reason":"a password"}`))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if resp, err := node.HTTP.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("a redaction that could not be carried out was answered by %s", resp.Status)
		}
	}()
	await(t, "that health tells of it", func() bool {
		status, body, err := node.Get(t.Context(), "/healthz")
		return err == nil && status == http.StatusServiceUnavailable && strings.Contains(string(body), "is to be erased is not erased yet")
	})
	node.Kill9()
	cancel()
	<-answered
	if len(filesWith(t, filepath.Join(node.State, "log"), secretWord)) != 1 {
		t.Fatal("it was erased before the node was killed")
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	archived(t, node)
	await(t, "that it is erased", func() bool { return len(filesWith(t, node.State, secretWord)) == 0 })
	holdRedacted(t, node, fmt.Sprintf("uid:%d", os.Getuid()), "x")
}
