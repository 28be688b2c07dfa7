package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// configKeys gives every key of the configuration as the program shows them.
func configKeys(t *testing.T) map[string]bool {
	t.Helper()
	r := fedmsgtest.CLI(t, nil, "config", "show", "--format", "json")
	var rows []struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &rows); err != nil || r.Status != 0 {
		t.Fatalf("%v %s", err, r)
	}
	keys := map[string]bool{}
	for _, row := range rows {
		keys[row.Key] = true
	}
	for _, key := range []string{"uid", "group", "token", "certificate", "curve", "zeromq", "signer", "topics"} {
		keys["publisher."+key] = true // of a list that is empty
	}
	for _, key := range []string{"name", "ca", "crl", "keyring", "keys", "topics", "legacy", "not_before", "not_after"} {
		keys["trust."+key] = true
	}
	for _, key := range []string{"name", "key", "topics"} {
		keys["zeromq_client."+key] = true
	}
	for _, key := range []string{"name", "topics", "in_flight", "retry_first", "retry_max", "dead_letters", "credentials", "ca", "certificate", "key"} {
		keys["sink."+key], keys["source."+key] = true, true
	}
	for _, key := range []string{"to", "command", "prefixes", "senders", "signers", "where", "start", "max_age", "hold", "attempts", "answer_timeout", "idle_timeout"} {
		keys["sink."+key] = true
	}
	for _, key := range []string{"from", "verify", "sign"} {
		keys["source."+key] = true
	}
	for _, key := range []string{"every", "timeout", "key", "ignore", "topic", "added", "changed", "removed", "first", "empty", "format", "rows", "command", "query", "max_bytes", "max_rows", "insecure_plain_http"} {
		keys["source.poll."+key] = true
	}
	return keys
}

// TestConfigPageKeys holds that docs/config.md shows every key in its section and none that the program does not know,
// and that every key which a page names as section.key, or as a variable of the environment, is one.
func TestConfigPageKeys(t *testing.T) {
	keys := configKeys(t)
	if len(keys) < 40 {
		t.Fatalf("the program shows %d keys", len(keys))
	}
	shown := map[string]bool{}
	for _, b := range blocks(readPage(t, "docs/config.md")) {
		if b.info != "toml" {
			continue
		}
		section := ""
		for line := range strings.Lines(b.text) {
			if m := regexp.MustCompile(`^#?\[+([\w.]+)\]+\s*$`).FindStringSubmatch(line); m != nil {
				section = m[1] + "."
			} else if m := regexp.MustCompile(`^#?(\w+) = `).FindStringSubmatch(line); m != nil {
				shown[section+m[1]] = true
			}
		}
	}
	for key := range keys {
		if !shown[key] {
			t.Errorf("docs/config.md does not show %s", key)
		}
	}
	for key := range shown {
		if !keys[key] {
			t.Errorf("docs/config.md shows %s, which is no key", key)
		}
	}
	variables := map[string]bool{"FEDMSG_CONFIG": true, "FEDMSG_TOKEN": true, "FEDMSG_SECTION_KEY": true}
	for _, word := range []string{"TOPIC", "ID", "POSITION", "RECEIVED", "SENDER", "SIGNER", "VERDICT"} {
		variables["FEDMSG_"+word] = true // set for the programs that messages start
	}
	for key := range keys {
		variables["FEDMSG_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = true
	}
	pages, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		name := "docs/" + filepath.Base(path)
		page := readPage(t, name)
		for _, m := range regexp.MustCompile("`((?:http|zeromq|log|feed|limits|spool|signing|verification)(?:\\.[a-z_]+)+)`").FindAllStringSubmatch(page, -1) {
			if ext := filepath.Ext(m[1]); !keys[m[1]] && ext != ".json" && ext != ".md" {
				t.Errorf("%s names the key %s, which is none", name, m[1])
			}
		}
		for _, v := range regexp.MustCompile(`FEDMSG_[A-Z_]+`).FindAllString(page, -1) {
			if !variables[v] && !strings.HasPrefix(v, "FEDMSG_TEST_") && v != "FEDMSG_" {
				t.Errorf("%s names %s, which sets nothing", name, v)
			}
		}
	}
}

// onlyMissing reports whether all that a configuration was refused for are files below /etc and /usr that are not on this machine.
// What stands around the file's name was understood then.
func onlyMissing(stderr string) bool {
	missing := 0
	for line := range strings.Lines(stderr) {
		if !regexp.MustCompile(`(?:/etc|/usr)/[^ ]+ cannot be used: no such file or directory`).MatchString(line) {
			return false
		}
		missing++
	}
	return missing > 0
}

// TestConfigExamples checks every configuration that a page shows.
func TestConfigExamples(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, path := range pages {
		for i, b := range blocks(readPage(t, "docs/"+filepath.Base(path))) {
			if b.info != "toml" {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(path), i), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "fedmsg.toml")
				if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
					t.Fatal(err)
				}
				if r := fedmsgtest.CLI(t, nil, "config", "check", "--config", file); r.Status != 0 && !onlyMissing(r.Stderr) {
					t.Errorf("%s\n%s", r, b.text)
				}
			})
			checked++
		}
	}
	if checked < 5 {
		t.Errorf("the pages show %d configurations", checked)
	}
}
