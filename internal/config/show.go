package config

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Setting is one key as it is shown.
type Setting struct {
	Key    string `json:"key"`    // http.listen, publisher[0].topics, policy.topics."org.example.prod.wiki.page.edit"
	Value  any    `json:"value"`  // string, bool, int64 or []string; secrets are hidden
	Origin string `json:"origin"` // default, FILE:LINE, a variable or a flag
}

// Settings lists every key with its value and origin, in a fixed order: the root's keys, then table by table. Of a list
// of tables it has what was set.
func (l *Loaded) Settings() []Setting { return l.settings(l.root, "") }

func (l *Loaded) settings(s *section, prefix string) []Setting {
	var out []Setting
	for _, k := range s.keys {
		_, word := split(k.name)
		name := join(prefix, word)
		out = append(out, Setting{Key: name, Value: k.plainValue(), Origin: l.Origin(name).String()})
	}
	for _, t := range s.tables {
		_, word := split(t.name)
		if t.open {
			for _, entry := range t.entries() {
				name := join(join(prefix, word), tomlString(entry))
				out = append(out, Setting{Key: name, Value: t.entry(entry).plainValue(), Origin: l.Origin(name).String()})
			}
			continue
		}
		if !t.list {
			out = append(out, l.settings(t, join(prefix, word))...)
			continue
		}
		for i := range t.value.Len() {
			for _, setting := range l.settings(t.element(i), fmt.Sprintf("%s[%d]", join(prefix, word), i)) {
				if setting.Origin != string(FromDefault) { // the others are alternatives, not defaults
					out = append(out, setting)
				}
			}
		}
	}
	return out
}

// WriteJSON writes the settings as a JSON array, one setting a line.
func (l *Loaded) WriteJSON(w io.Writer) error {
	settings := l.Settings()
	for i, s := range settings {
		line, err := json.Marshal(s)
		if err != nil {
			return err
		}
		open, end := "", ","
		if i == 0 {
			open = "["
		}
		if i == len(settings)-1 {
			end = "]"
		}
		if _, err := fmt.Fprintf(w, "%s%s%s\n", open, line, end); err != nil {
			return err
		}
	}
	return nil
}

// WriteTOML writes the settings as a configuration file that would give the same ones, with the origin of each behind it.
func (l *Loaded) WriteTOML(w io.Writer) error {
	var b strings.Builder
	table := ""
	for _, s := range l.Settings() {
		t, word := split(s.Key)
		if t != table {
			b.WriteString(header(t))
			table = t
		}
		fmt.Fprintf(&b, "%-60s # %s\n", word+" = "+tomlValue(s.Value), s.Origin)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// header is the line that opens a table, given as http, publisher[0] or source[0].poll.
func header(table string) string {
	if name, rest, isList := strings.Cut(table, "["); isList {
		if _, below, nested := strings.Cut(rest, "]."); nested {
			return "\n[" + name + "." + below + "]\n"
		}
		return "\n[[" + name + "]]\n"
	}
	return "\n[" + table + "]\n"
}

// tomlValue writes a value of [Setting] as TOML.
func tomlValue(v any) string {
	switch v := v.(type) {
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = tomlString(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case string:
		return tomlString(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return tomlString(fmt.Sprint(v))
}

// tomlString quotes s. Its escapes are those that both TOML and every terminal take: nothing below 0x20 is left.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
