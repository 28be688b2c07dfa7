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
}

// Load reads all sources and checks the result, without opening anything else. When anything is wrong, the error has
// [fedmsg.CodeConfig], or [fedmsg.CodeUsage] when only flags are wrong, and names all faults of all sources; the Loaded is then what could be understood, never nil.
func Load(src Source) (*Loaded, error) {
	env := environment(src.Environ)
	sys := src.system(env)
	out := &Loaded{Config: Default(sys)}
	out.root = newSection("", reflect.ValueOf(&out.Config).Elem())
	l := &loader{root: out.root, origins: map[string]Origin{}}
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
	if len(l.faults) == 0 {
		judged := out.Config
		if src.Client {
			judged.Sink, judged.Source = nil, nil
		}
		l.check(judged.Validate())
		l.warnings = append(l.warnings, out.Config.warnings()...)
	}
	out.Files, out.Warnings = l.files, l.warnings
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
}

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

// check takes note of values that make no sense, by themselves or together. Each fault begins with the name of a key, by
// which the place is found where that key was set.
func (l *loader) check(faults error) {
	for _, err := range flatten(faults) {
		text := err.Error()
		if e, ok := errors.AsType[*fedmsg.Error](err); ok {
			text = e.Message
		}
		l.faults = append(l.faults, Fault{Origin: l.originOf(text), Text: text})
	}
}

// originOf finds where the key was set with which a fault begins, or the next key in it when that one is at its default. A
// fault of the n-th element of a list of tables begins with the table's name and n.
func (l *loader) originOf(text string) Origin {
	name, rest, _ := strings.Cut(text, " ")
	var n int
	if t := l.root.table(name); t == nil || !t.list {
		for word := range strings.FieldsSeq(text) {
			if at, ok := l.origins[strings.TrimRight(word, ":,;")]; ok {
				return at
			}
		}
		return Origin{}
	} else if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
		return Origin{}
	}
	var first Origin
	for key, at := range l.origins {
		if strings.HasPrefix(key, fmt.Sprintf("%s[%d].", name, n-1)) && (first.Line == 0 || at.Line < first.Line) {
			first = at
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
