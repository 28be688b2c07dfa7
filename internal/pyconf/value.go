package pyconf

import (
	"fmt"
	"math/big"

	"go.starlark.net/starlark"
)

// valuer turns what the interpreter made into plain values, of which there may be so many.
type valuer struct{ left int }

func (v *valuer) value(x starlark.Value, depth int) (Value, error) {
	if v.left--; v.left < 0 || depth > maxDepth {
		return nil, fmt.Errorf("config has more than %d values, or is deeper than %d", maxValues, maxDepth)
	}
	switch x := x.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(x), nil
	case starlark.String:
		return string(x), nil
	case starlark.Int:
		if n, ok := x.Int64(); ok {
			return n, nil
		}
		f, _ := new(big.Float).SetInt(x.BigInt()).Float64()
		return f, nil
	case starlark.Float:
		return float64(x), nil
	case *starlark.Dict:
		return v.table(x, depth)
	case starlark.Iterable: // list, tuple, set, range
		list := []Value{}
		iterator := x.Iterate()
		defer iterator.Done()
		for element := starlark.Value(nil); iterator.Next(&element); {
			plain, err := v.value(element, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, plain)
		}
		return list, nil
	case *opaque:
		return Unknown(x.name), nil
	}
	return Unknown(x.Type()), nil // a function, for one
}

func (v *valuer) table(d *starlark.Dict, depth int) (*Table, error) {
	t := &Table{Values: map[string]Value{}}
	for _, item := range d.Items() {
		key, err := scalar(item[0])
		if err != nil {
			return nil, fmt.Errorf("a key of config: %w", err)
		}
		plain, err := v.value(item[1], depth+1)
		if err != nil {
			return nil, err
		}
		t.Set(key, plain)
	}
	return t, nil
}

// Set gives a key a value, behind the others if it is new.
func (t *Table) Set(key string, v Value) {
	if _, known := t.Values[key]; !known {
		t.Keys = append(t.Keys, key)
	}
	t.Values[key] = v
}

// Merge puts the other table over this one, as the old bus did with a later file: dicts merge, all else is replaced.
func (t *Table) Merge(over *Table) {
	for _, key := range over.Keys {
		both, ok := over.Values[key].(*Table)
		if below, isTable := t.Values[key].(*Table); ok && isTable {
			below.Merge(both)
			continue
		}
		t.Set(key, over.Values[key])
	}
}
