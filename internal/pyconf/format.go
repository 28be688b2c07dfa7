package pyconf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// maxWidth bounds the width and precision of a conversion.
const maxWidth = 256

// spec is how one value is written: the flags - and 0, the width, the precision (-1: none) and the letter.
type spec struct {
	left, zero       bool
	width, precision int
	letter           byte
}

// parseSpec reads what stands behind a % or, in braces, behind a colon, and gives its length.
func parseSpec(s string, letters string) (spec, int, error) {
	out := spec{precision: -1, letter: 's'}
	i := 0
	for ; i < len(s) && strings.IndexByte("-0<> +#", s[i]) >= 0; i++ {
		switch s[i] {
		case '-', '<':
			out.left = true
		case '0':
			out.zero = true
		case '+', '#', ' ':
			return out, 0, fmt.Errorf("a conversion with %q is not understood", s[i])
		}
	}
	number := func() (int, error) {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, err := strconv.Atoi("0" + s[start:i])
		if err != nil || n > maxWidth {
			return 0, errTooLarge()
		}
		return n, nil
	}
	var err error
	if out.width, err = number(); err != nil {
		return out, 0, err
	}
	if i < len(s) && s[i] == '.' {
		i++
		if out.precision, err = number(); err != nil {
			return out, 0, err
		}
	}
	if i < len(s) && strings.IndexByte(letters, s[i]) >= 0 {
		out.letter = s[i]
		return out, i + 1, nil
	}
	return out, i, nil
}

// write writes a value as the spec says.
func (s spec) write(v starlark.Value) (string, error) {
	var text string
	var err error
	switch s.letter {
	case 'd', 'i', 'x', 'X', 'o':
		n, convErr := starlark.NumberToInt(v)
		if convErr != nil {
			return "", fmt.Errorf("%%%c takes a number, not %s", s.letter, v.Type())
		}
		digits := max(s.precision, 0) // "%.3d" has at least three, as "%03d" has
		text = fmt.Sprintf("%0*"+strings.Replace(string(s.letter), "i", "d", 1), digits, n.BigInt())
	case 'f', 'g', 'e':
		x, ok := starlark.AsFloat(v)
		if !ok {
			return "", fmt.Errorf("%%%c takes a number, not %s", s.letter, v.Type())
		}
		digits := 6
		if s.precision >= 0 {
			digits = s.precision
		}
		text = strconv.FormatFloat(x, s.letter, digits, 64)
	case 'r':
		text, err = represent(v)
	default:
		if text, err = scalar(v); s.precision >= 0 && s.precision < len(text) {
			text = text[:s.precision]
		}
	}
	if err != nil || len(text) >= s.width {
		return text, err
	}
	pad := strings.Repeat(" ", s.width-len(text))
	switch {
	case s.left:
		return text + pad, nil
	case s.zero && s.letter != 's' && s.letter != 'r':
		sign := ""
		if strings.HasPrefix(text, "-") {
			sign, text = "-", text[1:]
		}
		return sign + strings.Repeat("0", len(pad)) + text, nil
	}
	return pad + text, nil
}

// scalar is str() of text, numbers, truth and nothing. What Python makes of anything else no configuration needs.
func scalar(v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), nil
	case starlark.Int, starlark.Float, starlark.Bool, starlark.NoneType:
		return v.String(), nil
	}
	return "", fmt.Errorf("the text of a %s is not understood", v.Type())
}

func represent(v starlark.Value) (string, error) {
	text, err := scalar(v)
	if _, ok := v.(starlark.String); ok {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(text) + "'", err
	}
	return text, err
}

// percent is %, on text and on numbers.
func percent(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	format, ok := args[0].(starlark.String)
	if !ok {
		if o, ok := unknownAmong(args); ok {
			return o, nil
		}
		return starlark.Binary(syntax.PERCENT, args[0], args[1])
	}
	values, ok := args[1].(starlark.Tuple)
	if !ok {
		values = starlark.Tuple{args[1]}
	}
	if o, ok := unknownAmong(values); ok {
		return o, nil
	}
	text, err := interpolate(string(format), args[1], values)
	return starlark.String(text), err
}

func interpolate(format string, whole starlark.Value, values starlark.Tuple) (string, error) {
	var out strings.Builder
	used, named := 0, false
	for {
		before, rest, more := strings.Cut(format, "%")
		out.WriteString(before)
		if !more {
			break
		}
		if strings.HasPrefix(rest, "%") {
			out.WriteByte('%')
			format = rest[1:]
			continue
		}
		var v starlark.Value
		if strings.HasPrefix(rest, "(") {
			name, after, ok := strings.Cut(rest[1:], ")")
			table, isTable := whole.(starlark.Mapping)
			if !ok || !isTable {
				return "", errors.New("a name in a format needs a dict behind the %")
			}
			found, ok, err := table.Get(starlark.String(name))
			if err != nil || !ok {
				return "", fmt.Errorf("there is no %q in the dict behind the %%", name)
			}
			v, rest, named = found, after, true
		} else {
			if used >= len(values) {
				return "", errors.New("there are fewer values than the format has places")
			}
			v = values[used]
			used++
		}
		s, n, err := parseSpec(rest, "sridxXofge")
		if err == nil && (n == 0 || strings.IndexByte("sridxXofge", rest[n-1]) < 0) {
			err = errors.New("a conversion is not understood")
		}
		if err != nil {
			return "", err
		}
		text, err := s.write(v)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		if format = rest[n:]; out.Len() > maxString {
			return "", errTooLarge()
		}
	}
	if _, isTable := whole.(starlark.Mapping); used < len(values) && !named && !isTable {
		return "", errors.New("there are more values than the format has places")
	}
	return out.String(), nil
}

// formatMethod is "…".format(…).
func formatMethod(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	format, ok := args[0].(starlark.String)
	if !ok {
		return method(thread, b, args, kwargs)
	}
	values := args[1:]
	if o, ok := unknownAmong(values); ok {
		return o, nil
	}
	var out strings.Builder
	rest, next := string(format), 0
	for rest != "" {
		switch i := strings.IndexAny(rest, "{}"); {
		case i < 0:
			out.WriteString(rest)
			rest = ""
		case i+1 < len(rest) && rest[i+1] == rest[i]:
			out.WriteString(rest[:i+1])
			rest = rest[i+2:]
		default:
			field, after, ok := strings.Cut(rest[i+1:], "}")
			if rest[i] == '}' || !ok {
				return nil, errors.New("a brace in a format stands alone")
			}
			text, err := replaced(field, values, kwargs, &next)
			if err != nil {
				return nil, err
			}
			out.WriteString(rest[:i] + text)
			rest = after
		}
		if out.Len() > maxString {
			return nil, errTooLarge()
		}
	}
	return starlark.String(out.String()), nil
}

// replaced gives the text for what stands between braces: a number, a name or nothing, and a spec behind a colon.
func replaced(field string, values starlark.Tuple, kwargs []starlark.Tuple, next *int) (string, error) {
	name, how, _ := strings.Cut(field, ":")
	if name == "" {
		name = strconv.Itoa(*next)
		*next++
	}
	var v starlark.Value
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(values) {
		v = values[n]
	}
	for _, kv := range kwargs {
		if kv[0] == starlark.String(name) {
			v = kv[1]
		}
	}
	if v == nil {
		return "", fmt.Errorf("the format has {%s}, and there is no such value", field)
	}
	s, n, err := parseSpec(how, "sdxXofge")
	if err == nil && n != len(how) {
		err = fmt.Errorf("the format {%s} is not understood", field)
	}
	if err != nil {
		return "", err
	}
	if _, isInt := v.(starlark.Int); isInt && s.letter == 's' {
		s.letter = 'd'
	} else if s.letter == 's' && !strings.HasPrefix(how, ">") {
		s.left = true // text stands to the left, numbers to the right
	}
	return s.write(v)
}
