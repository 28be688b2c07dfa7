package process

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestCorpus streams the real messages of the corpus into a node and holds that each is accepted, recognised, or refused
// as testdata/corpus-outcomes.txt states, and that what was accepted comes back byte for byte.
func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"fedora-messages.jsonl", "umb-messages.jsonl"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			messages := corpusMessages(t, fedmsgtest.Shared(t, "corpus", file))
			want := statedOutcomes(t, file)
			if len(want) != len(messages) {
				t.Fatalf("%d outcomes are stated for %d messages", len(want), len(messages))
			}
			node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{"FEDMSG_VERIFY=insecure-off"}})
			got := sendAll(t, node, messages)
			var accepted [][]byte
			for i, o := range got {
				if s := sayOutcome(got, i); s != want[i] {
					t.Errorf("%s:%d: %s, want %s (%v)", file, i+1, s, want[i], o.Err)
				}
				if o.Err == nil && !o.Receipt.Duplicate {
					accepted = append(accepted, messages[i])
				}
			}
			sameBytes(t, node.ReadAll(t), accepted)

			// Sent again, what was stored under an id is known, and the answer is the first receipt.
			for i, o := range sendAll(t, node, messages) {
				first := got[i]
				first.Receipt.Duplicate = true
				switch {
				case fedmsg.CodeOf(o.Err) != fedmsg.CodeOf(first.Err):
					t.Errorf("%s:%d sent again: %v, the first time %v", file, i+1, o.Err, first.Err)
				case o.Err == nil && !isSubmission(t, messages[i]) && o.Receipt != first.Receipt:
					t.Errorf("%s:%d sent again: %+v, want %+v", file, i+1, o.Receipt, first.Receipt)
				}
			}
		})
	}
}

// sendAll streams the messages and gives the outcome of each.
func sendAll(t *testing.T, node *fedmsgtest.Node, messages [][]byte) []fedmsg.Outcome {
	t.Helper()
	got := make([]fedmsg.Outcome, 0, len(messages))
	body := append(bytes.Join(messages, []byte("\n")), '\n')
	err := node.PublishLines(t.Context(), bytes.NewReader(body), func(_ int, o fedmsg.Outcome) { got = append(got, o) })
	if err != nil || len(got) != len(messages) {
		t.Fatalf("%d answers for %d messages: %v", len(got), len(messages), err)
	}
	return got
}

// isSubmission reports whether the message has none of the members that only envelopes have: those of the corpus have
// topic and msg alone. The node gives each a new id.
func isSubmission(t *testing.T, message []byte) bool {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(message, &m); err != nil {
		t.Fatal(err)
	}
	return len(m) == 2
}

// sayOutcome is an outcome in the words of corpus-outcomes.txt. What a conflict is with, the node does not tell.
func sayOutcome(all []fedmsg.Outcome, i int) string {
	o := all[i]
	switch {
	case o.Err != nil:
		return string(fedmsg.CodeOf(o.Err))
	case !o.Receipt.Duplicate:
		return "accepted"
	}
	for first, p := range all[:i] {
		if p.Err == nil && p.Receipt.Position == o.Receipt.Position {
			return fmt.Sprintf("duplicate %d", first+1)
		}
	}
	return "duplicate of nothing"
}

// sameBytes holds that the entries carry the envelopes. Of a submission the node made the envelope: its body is compared.
func sameBytes(t *testing.T, entries []fedmsg.Entry, envelopes [][]byte) {
	t.Helper()
	if len(entries) != len(envelopes) {
		t.Fatalf("%d entries, want %d", len(entries), len(envelopes))
	}
	for i, e := range entries {
		var sent, stored map[string]json.RawMessage
		if err := json.Unmarshal(envelopes[i], &sent); err != nil {
			t.Fatal(err)
		}
		if !isSubmission(t, envelopes[i]) {
			if !bytes.Equal(e.Envelope, envelopes[i]) {
				t.Errorf("entry %d has other bytes than were sent:\n%s\n%s", i+1, e.Envelope, envelopes[i])
			}
			continue
		}
		if err := json.Unmarshal(e.Envelope, &stored); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(compacted(t, stored["msg"]), compacted(t, sent["msg"])) {
			t.Errorf("entry %d has another body than was sent:\n%s\n%s", i+1, stored["msg"], sent["msg"])
		}
	}
}

func compacted(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// corpusMessages gives the member "message" of each line of a file as its bytes stand there.
func corpusMessages(t *testing.T, path string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var messages [][]byte
	for line := range bytes.Lines(data) {
		var row struct {
			Message json.RawMessage `json:"message"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, row.Message)
	}
	return messages
}

// statedOutcomes reads what is stated of a file. "id_conflict LINE" says for readers what it is in conflict with.
func statedOutcomes(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open("testdata/corpus-outcomes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var stated []string
	for in := bufio.NewScanner(f); in.Scan(); {
		words := strings.Fields(in.Text())
		if len(words) < 3 || words[0] != file {
			continue
		}
		outcome := words[2]
		if outcome == "duplicate" {
			outcome += " " + words[3]
		}
		stated = append(stated, outcome)
	}
	return stated
}
