package pyconf

import (
	"fmt"
	"path"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// modules are what a file may import and really use. Anything else that it imports is opaque.
func modules(h Host) map[string]starlark.Value {
	name, fqdn := h.Name, h.FQDN
	if fqdn == "" {
		fqdn = name
	}
	host, full, user := constant(name), constant(fqdn), constant(h.User)
	environ := &environment{h.Getenv}
	paths := module("os.path", starlark.StringDict{
		"join": text("join", joinPaths), "abspath": text("abspath", cleaned), "realpath": text("realpath", cleaned),
		"dirname": text("dirname", directory), "basename": text("basename", last), "expanduser": text("expanduser", environ.home),
		"exists": exists(h), "isfile": exists(h), "isdir": exists(h),
	})
	uname := starlark.NewBuiltin("uname", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return starlark.Tuple{starlark.String("Linux"), starlark.String(name), starlark.String(""), starlark.String(""), starlark.String("")}, nil
	})
	return map[string]starlark.Value{
		"socket":   module("socket", starlark.StringDict{"gethostname": host, "getfqdn": full}),
		"platform": module("platform", starlark.StringDict{"node": host}),
		"getpass":  module("getpass", starlark.StringDict{"getuser": user}),
		"os.path":  paths,
		"os": module("os", starlark.StringDict{
			"path": paths, "environ": environ, "getenv": starlark.NewBuiltin("getenv", environ.lookup), "uname": uname, "sep": starlark.String("/"),
		}),
	}
}

// importer is the function behind importName: a module, or one name out of it.
func importer(known map[string]starlark.Value) *starlark.Builtin {
	return starlark.NewBuiltin("import", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		name, _ := starlark.AsString(args[0])
		m, ok := known[name]
		if !ok {
			m = &opaque{name}
		}
		if len(args) == 1 {
			return m, nil
		}
		member, _ := starlark.AsString(args[1])
		if inner, ok := known[name+"."+member]; ok {
			return inner, nil
		}
		return m.(starlark.HasAttrs).Attr(member)
	})
}

// pyModule is a module of which some members are known; the others are opaque.
type pyModule struct{ *starlarkstruct.Module }

func module(name string, members starlark.StringDict) pyModule {
	return pyModule{&starlarkstruct.Module{Name: name, Members: members}}
}

// Attr gives a member.
func (m pyModule) Attr(name string) (starlark.Value, error) {
	if v, ok := m.Members[name]; ok {
		return v, nil
	}
	return &opaque{m.Name + "." + name}, nil
}

// constant is a function that always gives the same text.
func constant(s string) *starlark.Builtin {
	return starlark.NewBuiltin("constant", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return starlark.String(s), nil
	})
}

// text is a function from texts to text.
func text(name string, f func([]string) string) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if o, ok := unknownAmong(args); ok {
			return o, nil
		}
		in := make([]string, len(args))
		for i, a := range args {
			s, ok := starlark.AsString(a)
			if !ok {
				return nil, fmt.Errorf("%s takes text, not %s", name, a.Type())
			}
			in[i] = s
		}
		if len(in) == 0 {
			return nil, fmt.Errorf("%s takes text", name)
		}
		return bounded(starlark.String(f(in)), nil)
	})
}

// joinPaths begins anew with each absolute path, as Python does.
func joinPaths(parts []string) string {
	out := ""
	for _, p := range parts {
		switch {
		case strings.HasPrefix(p, "/"):
			out = p
		case out == "" || strings.HasSuffix(out, "/"):
			out += p
		default:
			out += "/" + p
		}
	}
	return out
}

func cleaned(parts []string) string   { return path.Clean(parts[0]) }
func directory(parts []string) string { return strings.TrimSuffix(path.Dir(parts[0]), ".") }
func last(parts []string) string      { return parts[0][strings.LastIndexByte(parts[0], '/')+1:] }

func exists(h Host) *starlark.Builtin {
	return starlark.NewBuiltin("exists", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) == 1 && h.Exists != nil {
			name, ok := starlark.AsString(args[0])
			return starlark.Bool(ok && h.Exists(name)), nil
		}
		return starlark.False, nil
	})
}

// environment is os.environ.
type environment struct{ getenv func(string) string }

var (
	_ starlark.Mapping  = (*environment)(nil)
	_ starlark.HasAttrs = (*environment)(nil)
)

// String names it; what is in it is not shown.
func (e *environment) String() string { return "os.environ" }

// Type names the kind of value in errors.
func (e *environment) Type() string { return "os.environ" }

// Freeze does nothing: it cannot be changed.
func (e *environment) Freeze() {}

// Truth is true.
func (e *environment) Truth() starlark.Bool { return true }

// Hash refuses to be the key of a dict.
func (e *environment) Hash() (uint32, error) { return 0, fmt.Errorf("os.environ cannot be a key") }

// Get looks a variable up. One that is empty counts as one that is not set.
func (e *environment) Get(key starlark.Value) (starlark.Value, bool, error) {
	name, ok := starlark.AsString(key)
	if !ok || e.getenv == nil || e.getenv(name) == "" {
		return nil, false, nil
	}
	return starlark.String(e.getenv(name)), true, nil
}

// Attr gives get, the one method.
func (e *environment) Attr(name string) (starlark.Value, error) {
	if name != "get" {
		return nil, nil
	}
	return starlark.NewBuiltin("get", e.lookup), nil
}

// AttrNames lists the methods.
func (e *environment) AttrNames() []string { return []string{"get"} }

// lookup is os.environ.get and os.getenv: a name, and what stands for a variable that is not set.
func (e *environment) lookup(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	var otherwise starlark.Value = starlark.None
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &name, &otherwise); err != nil {
		return nil, err
	}
	if v, ok, _ := e.Get(starlark.String(name)); ok {
		return v, nil
	}
	return otherwise, nil
}

// home is os.path.expanduser.
func (e *environment) home(parts []string) string {
	rest, ok := strings.CutPrefix(parts[0], "~/")
	if !ok || e.getenv == nil || e.getenv("HOME") == "" {
		return parts[0]
	}
	return strings.TrimSuffix(e.getenv("HOME"), "/") + "/" + rest
}
