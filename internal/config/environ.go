package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/nearest"
)

// environment is a process's environment as KEY=VALUE. When a variable stands there twice, the last one counts.
type environment []string

func (e environment) get(name string) string {
	value, _ := e.lookup(name)
	return value
}

func (e environment) lookup(name string) (string, bool) {
	for _, kv := range slices.Backward(e) {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// otherVariables are the variables of the project that are not keys.
func otherVariables() []string {
	return []string{"FEDMSG_CONFIG", "FEDMSG_TOKEN"}
}

// Variable is the environment variable that sets a key: FEDMSG_HTTP_LISTEN sets http.listen.
func Variable(key string) string {
	return "FEDMSG_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// environment applies FEDMSG_* variables. One that sets nothing gets a warning only: a newer or older program of the
// project may share the environment.
func (l *loader) environment(env environment) {
	known := otherVariables()
	for _, k := range l.root.plain() {
		name := Variable(k.name)
		known = append(known, name)
		value, ok := env.lookup(name)
		if !ok {
			continue
		}
		at := Origin{Kind: FromEnvironment, Name: name}
		if err := k.set(bare(value)); err != nil {
			l.fault(at, "%s %w", k.name, err)
			l.unusable(k.name)
			continue
		}
		l.origins[k.name] = at
	}
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "FEDMSG_") || strings.HasPrefix(name, "FEDMSG_TEST_") || slices.Contains(known, name) {
			continue
		}
		warning := fmt.Sprintf("environment variable %s sets nothing", name)
		if near := nearest.Word(name, known); near != "" {
			warning += "; did you mean " + near + "?"
		}
		l.warnings = append(l.warnings, warning)
	}
}
