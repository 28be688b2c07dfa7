package config

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFileBytes bounds one configuration file: a mistaken path to something large must not fill the memory.
const maxFileBytes = 4 << 20

// fileReader fills a [Config] from the text of one file and collects what is wrong in it. It walks the syntax tree rather
// than decode into a struct, because only that knows the line of each key, which is where a value comes from and where a
// fault is.
type fileReader struct {
	load    *loader
	name    string
	parser  unstable.Parser
	current *section // the table of the header read last; nil when it is not known, which was said already
	prefix  string   // the name of current in origins, as in publisher[0]
}

// file reads one file. A file that is not TOML has one fault, as nothing behind it can be trusted.
func (l *loader) file(name string) {
	data, err := readBounded(name)
	if err != nil {
		l.fault(Origin{Kind: FromFile, Name: name}, "cannot read the configuration: %s", plainPathError(err))
		l.unread = append(l.unread, name)
		return
	}
	var probe map[string]any
	if err := toml.Unmarshal(data, &probe); err != nil {
		at := Origin{Kind: FromFile, Name: name, Line: 1, Column: 1}
		text := err.Error()
		if d, ok := errors.AsType[*toml.DecodeError](err); ok {
			at.Line, at.Column = d.Position()
		}
		l.fault(at, "not TOML: %s", text)
		l.unread = append(l.unread, name)
		return
	}
	r := &fileReader{load: l, name: name, current: l.root}
	r.parser.Reset(data)
	for r.parser.NextExpression() {
		switch e := r.parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			r.header(e)
		case unstable.KeyValue:
			if r.current != nil {
				r.keyValue(r.current, r.prefix, e)
			}
		}
	}
	l.files = append(l.files, name)
}

// header makes [a.b] or [[a.b]] the current table.
func (r *fileReader) header(e *unstable.Node) {
	r.current, r.prefix = r.load.root, ""
	for it := e.Key(); it.Next(); {
		part := it.Node()
		last := it.IsLast()
		r.current, r.prefix = r.descend(r.current, r.prefix, part, last && e.Kind == unstable.ArrayTable, last)
		if r.current == nil {
			return
		}
	}
}

// descend goes from a table to the one that part names, or says why there is none and gives nil.
func (r *fileReader) descend(s *section, prefix string, part *unstable.Node, list, last bool) (*section, string) {
	word := string(part.Data)
	t := s.table(word)
	full := join(s.name, word)
	switch {
	case s.open:
		r.fault(part, `%s has one key for each topic, in quotes, as in "org.example.prod.wiki.page.edit" = ["wiki01.example.org"]`, s.name)
		return nil, ""
	case t == nil && s.key(word) != nil:
		r.fault(part, "%s is one value, not a table; write %s = … without brackets", full, word)
		return nil, ""
	case t == nil:
		r.fault(part, "unknown table %q%s", full, suggest(s.name, word, r.load.root))
		return nil, ""
	case last && t.list && !list:
		r.fault(part, "%s is a list of tables; write [[%s]]", full, full)
		return nil, ""
	case list && !t.list:
		r.fault(part, "%s is one table; write [%s]", full, full)
		return nil, ""
	case list:
		element, i := t.grow()
		return element, fmt.Sprintf("%s[%d]", join(prefix, word), i)
	case t.list && t.value.Len() > 0:
		i := t.value.Len() - 1
		return t.element(i), fmt.Sprintf("%s[%d]", join(prefix, word), i)
	}
	return t, join(prefix, word)
}

// keyValue sets the key of one line, which may be dotted, in table s.
func (r *fileReader) keyValue(s *section, prefix string, e *unstable.Node) {
	for it := e.Key(); it.Next(); {
		part := it.Node()
		if it.IsLast() {
			r.assign(s, prefix, part, e.Value())
			return
		}
		if s, prefix = r.descend(s, prefix, part, false, false); s == nil {
			return
		}
	}
}

// assign sets the key that part names in table s to the value.
func (r *fileReader) assign(s *section, prefix string, part, value *unstable.Node) {
	word := string(part.Data)
	if s.open {
		r.entry(s, prefix, part, value)
		return
	}
	if t := s.table(word); t != nil {
		r.inline(t, join(prefix, word), part, value)
		return
	}
	k := s.key(word)
	if k == nil {
		r.fault(part, "unknown key %q%s", join(s.name, word), suggest(s.name, word, r.load.root))
		return
	}
	if err := k.set(rawOf(value)); err != nil {
		r.fault(part, "%s %w", k.name, err)
		r.load.unusable(join(prefix, word))
		return
	}
	r.load.origins[join(prefix, word)] = r.at(part)
}

// entry sets a key of a table whose keys the user chooses.
func (r *fileReader) entry(s *section, prefix string, part, value *unstable.Node) {
	word := string(part.Data)
	k := s.entry(word)
	if err := k.set(rawOf(value)); err != nil {
		r.fault(part, "%s %w", k.name, err)
		return
	}
	s.put(word, k)
	r.load.origins[join(prefix, tomlString(word))] = r.at(part)
}

// inline fills a table from {…}, or appends to a list of tables from [{…}, {…}].
func (r *fileReader) inline(t *section, prefix string, part, value *unstable.Node) {
	switch {
	case !t.list && value.Kind == unstable.InlineTable:
		for it := value.Children(); it.Next(); {
			r.keyValue(t, prefix, it.Node())
		}
	case t.list && value.Kind == unstable.Array:
		for it := value.Children(); it.Next(); {
			if it.Node().Kind != unstable.InlineTable {
				r.fault(part, "%s is a list of tables; write [[%s]]", t.name, t.name)
				return
			}
			element, i := t.grow()
			for kv := it.Node().Children(); kv.Next(); {
				r.keyValue(element, fmt.Sprintf("%s[%d]", prefix, i), kv.Node())
			}
		}
	case t.list:
		r.fault(part, "%s is a list of tables; write [[%s]]", t.name, t.name)
	default:
		r.fault(part, "%s is a table; write [%s]", t.name, t.name)
	}
}

// at is the place of a node in the file.
func (r *fileReader) at(n *unstable.Node) Origin {
	start := r.parser.Shape(n.Raw).Start
	return Origin{Kind: FromFile, Name: r.name, Line: start.Line, Column: start.Column}
}

func (r *fileReader) fault(n *unstable.Node, format string, args ...any) {
	r.load.broken[r.prefix] = true
	r.load.fault(r.at(n), format, args...)
}

// rawOf copies a value out of the syntax tree.
func rawOf(n *unstable.Node) raw {
	out := raw{text: string(n.Data)}
	switch n.Kind {
	case unstable.String:
		out.kind = "string"
	case unstable.Bool:
		out.kind = "bool"
	case unstable.Integer:
		out.kind = "integer"
	case unstable.Float:
		out.kind = "number"
	case unstable.Array:
		out.kind = "list"
		for it := n.Children(); it.Next(); {
			out.items = append(out.items, rawOf(it.Node()))
		}
	case unstable.InlineTable:
		out.kind = "table"
	default:
		out.kind = "date or time"
	}
	return out
}

// readBounded reads a regular file of sane size.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = fmt.Errorf("it has more than %d bytes", maxFileBytes)
	}
	return data, err
}

// plainPathError gives a file error without the path, which the fault begins with already.
func plainPathError(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
