package pyconf

import (
	"errors"

	"go.starlark.net/starlark"
)

// builtins are the functions of Python that are bounded here, or that the other language does not have.
func builtins() map[string]function {
	return map[string]function{
		"range": within("range"), "xrange": within("range"), "tuple": within("tuple"), "zip": within("zip"), "list": within("list"),
		"str": stringOf(scalar), "unicode": stringOf(scalar), "repr": stringOf(represent), "long": within("int"),
		"print": nothing, "set": within("set"), "frozenset": within("set"), "fail": fail,
	}
}

// within calls the function of that name of the other language and looks at how much came out.
func within(name string) function {
	return func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if o, ok := unknownAmong(args); ok {
			return o, nil
		}
		v, err := bounded(starlark.Call(thread, starlark.Universe[name], args, kwargs))
		if err != nil {
			return nil, err
		}
		if starlark.Len(v) > maxLength {
			return nil, errTooLarge()
		}
		if list, ok := v.(*starlark.List); ok && name == "zip" {
			return v, boundTuples(list)
		}
		return v, nil
	}
}

// boundTuples refuses tuples that together have too many parts.
func boundTuples(list *starlark.List) error {
	left := maxParts * 16
	for part := range list.Elements() {
		if t, ok := part.(starlark.Tuple); ok && !countParts(t, &left) {
			return errTooLarge()
		}
	}
	return nil
}

func stringOf(f func(starlark.Value) (string, error)) function {
	return func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if o, ok := unknownAmong(args); ok {
			return o, nil
		}
		if len(args) == 0 {
			return starlark.String(""), nil
		}
		s, err := f(args[0])
		return starlark.String(s), err
	}
}

func nothing(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return starlark.None, nil
}

func fail(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 1 {
		if s, ok := starlark.AsString(args[0]); ok {
			return nil, errors.New(s)
		}
	}
	return nil, errors.New("it ends itself here")
}
