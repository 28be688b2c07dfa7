package pyconf

import (
	"fmt"

	"go.starlark.net/starlark"
)

// opaque is a value that only Python could tell: a module that is not known here, and whatever comes out of it. What is made with
// it is opaque too.
type opaque struct{ name string }

var (
	_ starlark.HasAttrs = (*opaque)(nil)
	_ starlark.Callable = (*opaque)(nil)
	_ starlark.Mapping  = (*opaque)(nil)
)

// String gives the words that would have made the value.
func (o *opaque) String() string { return o.name }

// Type names the kind of value in errors.
func (o *opaque) Type() string { return fmt.Sprintf("value of %s, which only Python knows", o.name) }

// Freeze does nothing: there is nothing to change.
func (o *opaque) Freeze() {}

// Truth is true: a module or object is.
func (o *opaque) Truth() starlark.Bool { return true }

// Hash refuses to be the key of a dict.
func (o *opaque) Hash() (uint32, error) { return 0, fmt.Errorf("the key is a %s", o.Type()) }

// Name is that of a function.
func (o *opaque) Name() string { return o.name }

// Attr gives another such value for any name.
func (o *opaque) Attr(name string) (starlark.Value, error) { return o.with("." + name), nil }

// AttrNames lists nothing: any name is one.
func (o *opaque) AttrNames() []string { return nil }

// CallInternal gives another such value for any arguments.
func (o *opaque) CallInternal(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return o.with("()"), nil
}

// Get gives another such value for any key.
func (o *opaque) Get(starlark.Value) (starlark.Value, bool, error) { return o.with("[]"), true, nil }

// with names what comes out of the value, as long as that is short.
func (o *opaque) with(more string) *opaque {
	if len(o.name)+len(more) > 80 {
		return o
	}
	return &opaque{o.name + more}
}
