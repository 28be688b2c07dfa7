package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// wordOf is the secret of message n; none is the beginning of another.
func wordOf(n int) string { return fmt.Sprintf("%s%dz", secretWord, n) }

// TestBackupUndoesNoRedaction backs a node up while it redacts one message after the other, and goes on with each backup: of every message
// whose redaction is in the backup no byte is left in any file soon, and every other one is whole.
func TestBackupUndoesNoRedaction(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite", Config: "[log]\nsegment_bytes = \"64KiB\"\n"})
	const secrets = 60
	for n := range secrets {
		text := fmt.Sprintf(`{"topic":%q,"id":"s-%d","msg":{"text":"the password is %s","pad":"%02000d"}}`, topic, n, wordOf(n), n)
		if o := postOne(t, node, text); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	sameAsLog(t, node)
	begun, ended := make(chan struct{}), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- redactAll(ctx, node, secrets, begun) }()
	defer func() { stop(); <-ended }()
	<-begun
	var dirs []string
	for range fedmsgtest.Count(3, 10) {
		dir := filepath.Join(t.TempDir(), "b")
		backUp(t, node, dir)
		dirs = append(dirs, dir)
	}
	stop()
	mixed := false
	for _, dir := range dirs {
		old := restored(t, dir)
		if r := old.CLI(t, nil, "log", "adopt", "--state", old.State); r.Status != 0 {
			t.Fatalf("adopt: %s", r)
		}
		if err := old.Start(); err != nil {
			t.Fatal(err)
		}
		gone := redactedIn(t, old)
		mixed = mixed || len(gone) > 0 && len(gone) < secrets
		for n := range secrets {
			id := fmt.Sprintf("s-%d", n)
			if gone[id] {
				await(t, "that nothing is left of "+id, func() bool { return len(filesWith(t, old.State, wordOf(n))) == 0 })
			}
			_, body, err := old.Get(t.Context(), "/v1/messages/"+id)
			if has := strings.Contains(string(body), wordOf(n)); err != nil || has == gone[id] {
				t.Errorf("%s: its redaction is there: %v, it is whole: %v (%v)", id, gone[id], has, err)
			}
		}
		sameAsLog(t, old)
		old.Stop(t)
	}
	if !mixed {
		t.Errorf("no backup has some redactions and not all")
	}
}

// redactAll redacts one message after the other until ctx ends; begun is closed behind the first.
func redactAll(ctx context.Context, node *fedmsgtest.Node, n int, begun chan<- struct{}) error {
	for i := range n {
		text := fmt.Sprintf(`{"id":"s-%d","reason":"a password"}`, i)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/v1/redactions", strings.NewReader(text))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := node.HTTP.Do(req)
		if i == 0 {
			close(begun)
		}
		if err != nil {
			return err
		}
		resp.Body.Close()
	}
	return nil
}

// redactedIn gives the ids whose redactions are in the log.
func redactedIn(t *testing.T, node *fedmsgtest.Node) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	for _, e := range node.ReadAll(t) {
		if e.Topic != "org.example.dev.fedmsg.redact" {
			continue
		}
		var said struct {
			Msg struct{ ID string }
		}
		if err := json.Unmarshal(e.Envelope, &said); err != nil {
			t.Fatal(err)
		}
		ids[said.Msg.ID] = true
	}
	return ids
}
