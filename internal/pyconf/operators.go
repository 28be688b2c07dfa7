package pyconf

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// function is one that a file calls.
type function func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// operators are the functions in whose place the operators and methods stand that rewrite replaces. Each keeps its result within
// the bounds before it makes it.
func operators() map[string]function {
	return map[string]function{
		"+": plus, "+=": plusInPlace, "*": times, "%": percent, "()": tuple, "{}": dict,
		".format": formatMethod, ".replace": replace, ".join": join, ".extend": extend,
		".encode": itself, ".decode": itself, ".copy": copyOf,
	}
}

// errTooLarge is what a file is told that makes more than fits.
func errTooLarge() error {
	return fmt.Errorf("it makes more than %d bytes of text, %d elements or %d bits", maxString, maxLength, maxBits)
}

// bounded refuses values that are too large.
func bounded(v starlark.Value, err error) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case starlark.String:
		if len(v) > maxString {
			return nil, errTooLarge()
		}
	case starlark.Int:
		if v.BigInt().BitLen() > maxBits {
			return nil, errTooLarge()
		}
	case starlark.Tuple:
		left := maxParts
		if !countParts(v, &left) {
			return nil, errTooLarge()
		}
	case *starlark.List:
		if v.Len() > maxLength {
			return nil, errTooLarge()
		}
	}
	return v, nil
}

// countParts takes the parts of a tuple from left, and reports whether they were enough. A tuple in which another stands twice, and
// so on, has very many, which whoever looks at all of them would never have seen.
func countParts(t starlark.Tuple, left *int) bool {
	for _, v := range t {
		if *left--; *left < 0 {
			return false
		}
		if inner, ok := v.(starlark.Tuple); ok && !countParts(inner, left) {
			return false
		}
	}
	return true
}

// unknownAmong gives the first value of those that only Python could tell.
func unknownAmong(args starlark.Tuple) (*opaque, bool) {
	for _, a := range args {
		if o, ok := a.(*opaque); ok {
			return o, true
		}
	}
	return nil, false
}

func plus(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if o, ok := unknownAmong(args); ok {
		return o, nil
	}
	return bounded(starlark.Binary(syntax.PLUS, args[0], args[1]))
}

// plusInPlace is +=, which changes a list where others see it too.
func plusInPlace(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if list, ok := args[0].(*starlark.List); ok {
		if _, err := extend(thread, b, args, nil); err != nil {
			return nil, err
		}
		return list, nil
	}
	return plus(thread, b, args, nil)
}

// times is * on numbers, and the repetition of what has a length.
func times(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if o, ok := unknownAmong(args); ok {
		return o, nil
	}
	x, n := args[0], args[1]
	if _, ok := x.(starlark.Int); ok {
		x, n = n, x
	}
	if length := starlark.Len(x); length > 0 {
		var count int
		if err := starlark.AsInt(n, &count); err != nil || count > maxLength/length {
			return nil, errTooLarge()
		}
	}
	return bounded(starlark.Binary(syntax.STAR, args[0], args[1]))
}

func tuple(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return bounded(args[0], nil)
}

// dict makes one of keys and values in turn.
func dict(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	list, ok := args[0].(*starlark.List)
	if !ok {
		return nil, fmt.Errorf("a dict is made of a list, not of %s", args[0].Type())
	}
	d := starlark.NewDict(list.Len() / 2)
	for i := 0; i+1 < list.Len(); i += 2 {
		if err := d.SetKey(list.Index(i), list.Index(i+1)); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// method calls what the receiver has itself under the name.
func method(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if o, ok := args[0].(*opaque); ok {
		return o, nil
	}
	name := strings.TrimPrefix(b.Name(), ".")
	if name == "+=" {
		name = "extend"
	}
	if x, ok := args[0].(starlark.HasAttrs); ok {
		f, err := x.Attr(name)
		if err != nil {
			return nil, err
		}
		if f != nil {
			return starlark.Call(thread, f, args[1:], kwargs)
		}
	}
	return nil, fmt.Errorf("%s has no %s", args[0].Type(), name)
}

// replace bounds how much longer each place can get.
func replace(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if s, ok := args[0].(starlark.String); ok && len(args) > 2 {
		if with, ok := args[2].(starlark.String); ok && (len(s)+1)*len(with) > 256*maxString {
			return nil, errTooLarge()
		}
	}
	return bounded(method(thread, b, args, kwargs))
}

// join bounds the sum of the parts.
func join(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if s, ok := args[0].(starlark.String); ok && len(args) == 2 {
		iterator := starlark.Iterate(args[1])
		if iterator == nil {
			return nil, fmt.Errorf("join takes a list, not %s", args[1].Type())
		}
		defer iterator.Done()
		sum := 0
		for part := starlark.Value(nil); iterator.Next(&part); {
			if o, ok := part.(*opaque); ok {
				return o, nil
			}
			if sum += len(s) + starlark.Len(part); sum > maxString {
				return nil, errTooLarge()
			}
		}
	}
	return method(thread, b, args, kwargs)
}

func extend(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if list, ok := args[0].(*starlark.List); ok && len(args) == 2 && list.Len()+starlark.Len(args[1]) > maxLength {
		return nil, errTooLarge()
	}
	return method(thread, b, args, kwargs)
}

// itself is encode and decode of text, which is of one kind here.
func itself(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if s, ok := args[0].(starlark.String); ok {
		return s, nil
	}
	return method(thread, b, args, kwargs)
}

func copyOf(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	switch x := args[0].(type) {
	case *starlark.Dict:
		d := starlark.NewDict(x.Len())
		for _, item := range x.Items() {
			if err := d.SetKey(item[0], item[1]); err != nil {
				return nil, err
			}
		}
		return d, nil
	case *starlark.List:
		return starlark.Binary(syntax.PLUS, x, starlark.NewList(nil))
	}
	return method(thread, b, args, kwargs)
}
