package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
)

// configuration says what is wrong in the files themselves.
func (s *Subject) configuration(context.Context) []Finding {
	looked := s.Loaded.File
	if len(s.Loaded.Files) > 0 {
		looked = strings.Join(s.Loaded.Files, ", ")
	}
	if looked == "" {
		looked = "the configuration"
	}
	if s.Fault != nil {
		var all []Finding
		_, text := fedmsg.Public(s.Fault)
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, failed(looked, line, "correct it; `fedmsg config check` says when all is right"))
			}
		}
		return all
	}
	all := []Finding{ok(looked, "it can be used")}
	if len(s.Loaded.Files) == 0 {
		all[0].Text = "there is no file; the defaults can be used"
	}
	for _, w := range s.Loaded.Warnings {
		all = append(all, warning(looked, w, "see docs/config.md, or `fedmsg config example` for what each key means"))
	}
	return all
}

// settings compares what the node was started with with what it would be started with now.
func (n *node) settings(context.Context) []Finding {
	s := n.subject
	if n.hidden != nil {
		return []Finding{warning(s.Node, "it does not tell what it was started with: "+n.hidden.Error(), n.cureOfRefusal(n.hidden)+"; a node of an older version has to be restarted first")}
	}
	if s.Fault != nil {
		return []Finding{warning(s.Node, "it runs with a configuration from before the files were broken, and will not start again with these", "correct the files before the node is restarted")}
	}
	then, now := byKey(n.started.Settings), byKey(s.Loaded.Settings())
	var all []Finding
	for _, list := range [][]config.Setting{n.started.Settings, s.Loaded.Settings()} {
		for _, setting := range list {
			key := setting.Key
			a, had := then[key]
			b, has := now[key]
			delete(then, key)
			delete(now, key)
			if (had || has) && key != clientKey && text(a) != text(b) && !(isDefault(a) && isDefault(b)) {
				all = append(all, changed(key, a, b))
			}
		}
	}
	if len(all) == 0 {
		return []Finding{ok(s.Node, "the node runs with the configuration of the files")}
	}
	return all
}

// clientKey is the key that only those who talk to a node read.
const clientKey = "node"

// changed tells of a key that is not as the node was started with.
func changed(key string, then, now config.Setting) Finding {
	said := fmt.Sprintf("the node runs with %s (%s), and now it is %s (%s)", text(then), origin(then), text(now), origin(now))
	cure := "restart the node: `systemctl restart fedmsg`"
	if !strings.Contains(then.Origin, "/") && !isDefault(then) {
		cure = "nothing, where it is meant that " + then.Origin + " of the service says so; else take it out there and restart the node"
	}
	return warning(key, said, cure)
}

// isDefault reports whether nobody set it. Where a place is by default depends on who asks, root or the node's own user; and another
// version may not have the key.
func isDefault(s config.Setting) bool { return s.Origin == string(config.FromDefault) || s.Key == "" }

func byKey(all []config.Setting) map[string]config.Setting {
	m := make(map[string]config.Setting, len(all))
	for _, s := range all {
		m[s.Key] = s
	}
	return m
}

// text is a value as it can be compared and shown, or that there is none.
func text(s config.Setting) string {
	b, err := json.Marshal(s.Value)
	if err != nil || s.Key == "" {
		return "not set"
	}
	return string(b)
}

func origin(s config.Setting) string {
	if s.Origin == "" {
		return "nowhere"
	}
	return s.Origin
}
