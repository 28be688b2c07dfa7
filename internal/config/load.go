package config

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// Source says where a configuration comes from.
type Source struct {
	// File is the one file, from --config. Empty means FEDMSG_CONFIG, and without that [ConfigPath], which need not exist.
	// conf.d/*.toml beside the file is read after it in the order of the names.
	File string
	// Environ is KEY=VALUE as of os.Environ.
	Environ []string
	// UID is the user that the default paths are for.
	UID int
	// Exists reports whether there is a file; nil asks the operating system.
	Exists func(path string) bool
	// Flags are applied last, in order.
	Flags []Flag
	// Client tells that only a node's client asks: sinks and sources, which it may be unable to judge, are not looked at.
	Client bool
}

// Flag is a key that was set on the command line.
type Flag struct {
	Name   string   // as the user writes it, for example --listen
	Key    string   // for example http.listen
	Values []string // one, or any number for a list
}

// Loaded is a configuration and where each value of it comes from.
type Loaded struct {
	Config   Config
	File     string   // the one file, existing or not
	Files    []string // those that were read
	Warnings []string // for the operator's log, one sentence each

	root    *section
	origins map[string]Origin
	second  bool // of a node beside the usual one
	faulty  map[string]bool
	unread  []string
}

// Faulty reports whether the value of a key, as http.listen, cannot be used; it is then at its default or what nobody can mean.
func (l *Loaded) Faulty(key string) bool { return l.faulty[key] }

// Unread lists the files that could not be read, or are not TOML, so that nothing is known of what they say.
func (l *Loaded) Unread() []string { return l.unread }

// Load reads all sources and checks the result, without opening anything else. When anything is wrong, the error has
// [fedmsg.CodeConfig], or [fedmsg.CodeUsage] when only flags are wrong, and names all faults of all sources; the Loaded is then what could be understood, never nil.
func Load(src Source) (*Loaded, error) {
	env := environment(src.Environ)
	sys := src.system(env)
	out := &Loaded{Config: Default(sys)}
	out.root = newSection("", reflect.ValueOf(&out.Config).Elem())
	l := newLoader(out.root)
	out.File = l.allFiles(src, env, sys)
	l.environment(env)
	l.flags(src.Flags)
	if _, set := l.origins["zeromq.submit"]; !set {
		out.Config.ZeroMQ.Submit = defaultSubmit(out.Config.HTTP.Socket)
	}
	out.origins = l.origins
	out.second = out.isSecondNode(sys)
	if _, set := l.origins["spool.directory"]; out.second && !set {
		out.Config.Spool.Directory = filepath.Join(out.Config.State, "spool")
	}
	if len(l.unread) == 0 {
		judged := out.Config
		if src.Client {
			judged.Sink, judged.Source = nil, nil
		}
		l.check(judged.Validate())
		l.warnings = append(l.warnings, judged.warnings()...)
	}
	out.Files, out.Warnings = l.files, l.warnings
	out.faulty, out.unread = l.faulty, l.unread
	return out, l.faults.coded()
}

// system is what the default paths depend on.
func (s Source) system(env environment) System {
	if s.Exists == nil {
		return System{Getenv: env.get, UID: s.UID, Exists: exists, GroupExists: groupExists}
	}
	return System{Getenv: env.get, UID: s.UID, Exists: s.Exists}
}

// Origin says where the value of a key comes from: http.listen, or publisher[0].topics in a list of tables.
func (l *Loaded) Origin(key string) Origin {
	if o, ok := l.origins[key]; ok {
		return o
	}
	return Origin{Kind: FromDefault}
}

// loader fills a Config, layer by layer, and remembers what was wrong and where values come from.
type loader struct {
	root     *section
	origins  map[string]Origin
	files    []string
	warnings []string
	faults   Faults
	faulty   map[string]bool // keys whose values cannot be used, as in source[0].topics
	broken   map[string]bool // tables in which something could not even be read, as in source[0]; what is missing there may only be misspelt
	unread   []string        // files of which nothing is known
}

func newLoader(root *section) *loader {
	return &loader{root: root, origins: map[string]Origin{}, faulty: map[string]bool{}, broken: map[string]bool{}}
}

// unusable takes note of a key whose value could not be read.
func (l *loader) unusable(key string) {
	l.faulty[key] = true
	l.broken[tableOf(key)] = true
}

// tableOf is the table that a key stands in; empty for the root.
func tableOf(key string) string { return key[:max(0, strings.LastIndexByte(key, '.'))] }

func (l *loader) fault(at Origin, format string, args ...any) {
	l.faults = append(l.faults, Fault{Origin: at, Text: fmt.Errorf(format, args...).Error()})
}

// allFiles reads the one file and what stands in conf.d beside it, and gives the name of the first.
func (l *loader) allFiles(src Source, env environment, sys System) string {
	file, named := src.File, true
	if file == "" {
		file = env.get("FEDMSG_CONFIG")
	}
	if file == "" {
		file, named = ConfigPath(sys), false
	}
	if named || sys.Exists(file) {
		l.file(file)
	}
	more, err := filepath.Glob(filepath.Join(globEscape(filepath.Dir(file)), "conf.d", "*.toml"))
	if err != nil {
		l.fault(Origin{Kind: FromFile, Name: file}, "cannot look for conf.d/*.toml: %s", err)
	}
	slices.Sort(more)
	for _, name := range more {
		l.file(name)
	}
	return file
}

// flags applies the command line.
func (l *loader) flags(flags []Flag) {
	for _, f := range flags {
		at := Origin{Kind: FromFlag, Name: f.Name}
		k := l.plainKey(f.Key)
		if k == nil {
			l.fault(at, "unknown key %q", f.Key)
			continue
		}
		value := bareList(slices.DeleteFunc(slices.Clone(f.Values), func(v string) bool { return v == "" })) // --listen '' is none
		if k.value.Kind() != reflect.Slice && len(f.Values) > 0 {
			value = bare(f.Values[len(f.Values)-1])
		}
		if err := k.set(value); err != nil {
			l.fault(at, "%s %w", k.name, err)
			l.unusable(k.name)
			continue
		}
		l.origins[k.name] = at
	}
}

func (l *loader) plainKey(name string) *key {
	for _, k := range l.root.plain() {
		if k.name == name {
			return k
		}
	}
	return nil
}

// check takes note of values that make no sense, by themselves or together, but for those in tables of which not all could be read.
// Each fault begins with the name of a key, by which the place is found where that key was set.
func (l *loader) check(faults error) {
	for _, err := range flatten(faults) {
		text := err.Error()
		if e, ok := errors.AsType[*fedmsg.Error](err); ok {
			text = e.Message
		}
		at := l.place(text)
		if p, ok := errors.AsType[*elementFault](err); ok {
			at = p.place(l)
		}
		if l.broken[at.table] {
			continue
		}
		l.faulty[at.key] = true
		l.faults = append(l.faults, Fault{Origin: l.origins[at.key], Text: text})
	}
}

// spot is the key that a fault is about, and the table that it stands in.
type spot struct{ table, key string }

// place finds the key with which a fault begins. A fault of the n-th element of a list of tables begins with the table's name and n.
func (l *loader) place(text string) spot {
	name, rest, _ := strings.Cut(text, " ")
	if t := l.root.table(name); t != nil && t.list {
		var n int
		if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
			return spot{}
		}
		table := fmt.Sprintf("%s[%d]", name, n-1)
		return spot{table, l.firstIn(table)}
	}
	for word := range strings.FieldsSeq(text) { // the key, or another in the sentence where it is at its default
		word = strings.TrimRight(word, ":,;")
		if _, set := l.origins[word]; set {
			return spot{tableOf(word), word}
		}
	}
	return spot{tableOf(name), name}
}

// firstIn is the key that was set first in a table; empty where none was.
func (l *loader) firstIn(table string) (first string) {
	for key, at := range l.origins {
		if strings.HasPrefix(key, table+".") && (first == "" || at.Line < l.origins[first].Line) {
			first = key
		}
	}
	return first
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return []error{err}
}

// globEscape keeps a directory's name from being a pattern.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

func groupExists(name string) bool {
	_, err := user.LookupGroup(name)
	return err == nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
