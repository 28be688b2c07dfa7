package config

import (
	"encoding"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// raw is a value as it was written, before the type of its key is known.
type raw struct {
	kind  string // string, integer, bool, list, or a TOML type that no key has
	text  string // without quotes
	items []raw  // of a list
	env   bool   // it came as bare text from the environment or a flag, which have no types
}

// bare is the value of an environment variable or flag.
func bare(text string) raw { return raw{kind: "string", text: text, env: true} }

// bareList is the value of a flag that was given several times.
func bareList(texts []string) raw {
	r := raw{kind: "list"}
	for _, t := range texts {
		r.items = append(r.items, bare(t))
	}
	return r
}

// set gives the key the value, or says in what way it does not fit, in words that go behind the key's name.
func (k *key) set(r raw) error {
	if k.value.Kind() == reflect.Slice && !isText(k.value.Type()) {
		return setList(k.value, r)
	}
	if k.number && r.kind == "integer" {
		n, err := r.integer()
		if err != nil || n < 0 {
			return fmt.Errorf("is a name or a whole number from 0, not %s", r.describe())
		}
		r = raw{kind: "string", text: strconv.FormatInt(n, 10)}
	}
	return setScalar(k.value, r, k.isSize())
}

// integer reads a whole number as TOML writes it.
func (r raw) integer() (int64, error) {
	return strconv.ParseInt(strings.ReplaceAll(strings.TrimPrefix(r.text, "+"), "_", ""), 0, 64)
}

// isSize reports whether the number is one of bytes, which may then be written as in 10GiB.
func (k *key) isSize() bool {
	return strings.HasSuffix(k.name, "_bytes") || k.name == "limits.body" || k.name == "limits.envelope"
}

func setList(v reflect.Value, r raw) error {
	if r.env && r.kind == "string" {
		r.kind = "list"
		for item := range strings.SplitSeq(r.text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				r.items = append(r.items, bare(item))
			}
		}
	}
	if r.kind != "list" {
		return fmt.Errorf(`is a list, as in ["a", "b"], not %s`, r.describe())
	}
	if len(r.items) == 0 {
		v.SetZero()
		return nil
	}
	list := reflect.MakeSlice(v.Type(), len(r.items), len(r.items))
	for i, item := range r.items {
		if err := setScalar(list.Index(i), item, false); err != nil {
			return fmt.Errorf("has element %d, which %w", i+1, err)
		}
	}
	v.Set(list)
	return nil
}

func setScalar(v reflect.Value, r raw, size bool) error {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		return setMoment(v, r)
	case isText(v.Type()):
		if r.kind != "string" {
			return fmt.Errorf("is a string, not %s", r.describe())
		}
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(r.text)); err != nil {
			return fmt.Errorf("is refused: %w", err)
		}
		return nil
	case v.Type() == reflect.TypeFor[time.Duration]():
		if r.kind != "string" {
			return fmt.Errorf(`is a time, as in "30s", "1h30m" or "30d", not %s`, r.describe())
		}
		d, err := parseDuration(r.text)
		v.SetInt(int64(d))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		if r.kind != "string" {
			return fmt.Errorf("is a string, not %s", r.describe())
		}
		v.SetString(r.text)
	case reflect.Bool:
		b, err := strconv.ParseBool(r.text)
		if err != nil || r.kind != "bool" && !r.env {
			return fmt.Errorf("is true or false, not %s", r.describe())
		}
		v.SetBool(b)
	default:
		return setNumber(v, r, size)
	}
	return nil
}

// setMoment reads a point in time: RFC 3339, or a day, which begins at midnight in UTC; as a string or as TOML writes dates.
func setMoment(v reflect.Value, r raw) error {
	text := strings.TrimSpace(r.text)
	if r.kind != "string" && r.kind != "date or time" {
		return errMoment(r)
	}
	if text == "" {
		v.SetZero()
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			v.Set(reflect.ValueOf(at.UTC()))
			return nil
		}
	}
	return errMoment(r)
}

func errMoment(r raw) error {
	return fmt.Errorf(`is a date, as in "2026-01-31", or a time with its zone, as in "2026-01-31T12:00:00Z", not %s`, r.describe())
}

func setNumber(v reflect.Value, r raw, size bool) error {
	var n int64
	var err error
	switch {
	case r.kind == "integer" || r.env && !size:
		n, err = r.integer()
		if err != nil {
			return fmt.Errorf("is a whole number, not %s", r.describe())
		}
	case r.kind == "string" && size:
		if n, err = parseSize(r.text); err != nil {
			return err
		}
	case size:
		return fmt.Errorf(`is a size, as in 1048576 or "1MiB", not %s`, r.describe())
	default:
		return fmt.Errorf("is a whole number, not %s", r.describe())
	}
	if v.CanUint() {
		if n < 0 {
			return fmt.Errorf("is a whole number from 0, not %d", n)
		}
		v.SetUint(uint64(n))
		return nil
	}
	v.SetInt(n)
	return nil
}

// describe says what a value is, for one who wrote it where something else belongs.
func (r raw) describe() string {
	switch r.kind {
	case "string":
		return "the string " + strconv.Quote(clip(r.text))
	case "list":
		return "a list"
	case "table":
		return "a table"
	}
	return "the " + r.kind + " " + clip(r.text)
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// plainValue gives the value in types that JSON and TOML have: string, bool, int64, []string. Secrets are hidden.
func (k *key) plainValue() any {
	v := k.value
	if v.Kind() == reflect.Slice && !isText(v.Type()) {
		list := make([]string, v.Len())
		for i := range list {
			list[i], _ = k.plainScalar(v.Index(i)).(string)
		}
		return list
	}
	return k.plainScalar(v)
}

func (k *key) plainScalar(v reflect.Value) any {
	if k.secret && !v.IsZero() {
		return hidden
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return formatDuration(x)
	case slog.Level:
		return strings.ToLower(x.String())
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.UTC().Format(time.RFC3339Nano)
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok && isText(v.Type()) {
		b, err := m.MarshalText()
		if err != nil {
			return "?"
		}
		return string(b)
	}
	switch v.Kind() {
	case reflect.String:
		return hidePassword(v.String())
	case reflect.Bool:
		return v.Bool()
	case reflect.Uint64:
		return int64(v.Uint())
	}
	if s := formatSize(v.Int()); k.isSize() && strings.HasSuffix(s, "B") {
		return s
	}
	return v.Int()
}

// hidden stands in place of a secret.
const hidden = "(hidden)"

// hidePassword hides the password in a URI, which is the one place where a secret may stand in a string.
func hidePassword(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.User == nil {
		return s
	}
	if _, has := u.User.Password(); !has {
		return s
	}
	u.User = url.UserPassword(u.User.Username(), "hidden")
	return u.String()
}
