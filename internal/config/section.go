package config

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// section is a table of the configuration as it may be written: the keys in it and the tables below it, found from the
// fields of a struct. A field's key is its toml tag, or its name in lower case with underscores; the tag "-" and fields
// that no text can fill (functions, interfaces, channels, pointers) are not keys. A map of lists is a table whose keys the
// user chooses.
type section struct {
	name   string        // dotted; empty for the root
	value  reflect.Value // the struct, addressable; for a list of tables the slice of structs; for an open one the map
	list   bool          // [[name]]
	open   bool          // the keys are anything, each a list of strings
	keys   []*key        // in the order of the struct
	tables []*section
}

// key is one thing that can be set.
type key struct {
	name   string // dotted, as in http.listen
	value  reflect.Value
	secret bool // never shown
	number bool // a string that may also be written as a whole number
}

// newSection finds the keys of the struct v.
func newSection(name string, v reflect.Value) *section {
	s := &section{name: name, value: v}
	for f, fv := range v.Fields() {
		word := keyWord(f)
		if word == "" {
			continue
		}
		full := join(name, word)
		switch {
		case f.Anonymous: // its keys stand in this table
			inner := newSection(name, fv)
			s.keys, s.tables = append(s.keys, inner.keys...), append(s.tables, inner.tables...)
		case isLeaf(f.Type):
			_, secret := f.Tag.Lookup("secret")
			_, number := f.Tag.Lookup("number")
			s.keys = append(s.keys, &key{name: full, value: fv, secret: secret, number: number})
		case f.Type.Kind() == reflect.Struct:
			s.tables = append(s.tables, newSection(full, fv))
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			s.tables = append(s.tables, &section{name: full, value: fv, list: true})
		case f.Type == reflect.TypeFor[map[string][]string]():
			s.tables = append(s.tables, &section{name: full, value: fv, open: true})
		}
	}
	return s
}

// element gives the table of the i-th element of a list of tables.
func (s *section) element(i int) *section { return newSection(s.name, s.value.Index(i)) }

// grow appends an empty element to a list of tables and gives its table and its index.
func (s *section) grow() (*section, int) {
	i := s.value.Len()
	s.value.Set(reflect.Append(s.value, reflect.New(s.value.Type().Elem()).Elem()))
	return s.element(i), i
}

// entry gives a key of an open table, as it is set or else empty. What is set in it counts after put.
func (s *section) entry(word string) *key {
	v := reflect.New(s.value.Type().Elem()).Elem()
	if set := s.value.MapIndex(reflect.ValueOf(word)); set.IsValid() {
		v.Set(set)
	}
	return &key{name: join(s.name, tomlString(word)), value: v}
}

// put keeps an entry of an open table.
func (s *section) put(word string, k *key) {
	if s.value.IsNil() {
		s.value.Set(reflect.MakeMap(s.value.Type()))
	}
	s.value.SetMapIndex(reflect.ValueOf(word), k.value)
}

// entries lists the words of an open table in order.
func (s *section) entries() []string {
	var words []string
	for _, v := range s.value.MapKeys() {
		words = append(words, v.String())
	}
	slices.Sort(words)
	return words
}

// shape gives a table with the keys that each element of a list of tables has.
func (s *section) shape() *section {
	if !s.list {
		return s
	}
	return newSection(s.name, reflect.New(s.value.Type().Elem()).Elem())
}

// key finds a key of this table by its last word.
func (s *section) key(word string) *key {
	for _, k := range s.keys {
		if k.name == join(s.name, word) {
			return k
		}
	}
	return nil
}

// table finds a table right below this one.
func (s *section) table(word string) *section {
	for _, t := range s.tables {
		if t.name == join(s.name, word) {
			return t
		}
	}
	return nil
}

// names lists every key and table of the tree, those of lists of tables included.
func (s *section) names() []string {
	var out []string
	shape := s.shape()
	for _, k := range shape.keys {
		out = append(out, k.name)
	}
	for _, t := range shape.tables {
		out = append(append(out, t.name), t.names()...)
	}
	return out
}

// plain lists the keys that have one place: all but those in lists of tables.
func (s *section) plain() []*key {
	out := append([]*key(nil), s.keys...)
	for _, t := range s.tables {
		if !t.list {
			out = append(out, t.plain()...)
		}
	}
	return out
}

// keyWord is the word by which a struct field is set, or empty.
func keyWord(f reflect.StructField) string {
	if !f.IsExported() {
		return ""
	}
	if tag, _, _ := strings.Cut(f.Tag.Get("toml"), ","); tag == "-" {
		return ""
	} else if tag != "" {
		return tag
	}
	return snake(f.Name)
}

// snake turns TopicBytes into topic_bytes and IDBytes into id_bytes.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		if upper && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// isLeaf reports whether one value of TOML fills a field of type t.
func isLeaf(t reflect.Type) bool {
	if isText(t) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64:
		return true
	case reflect.Slice:
		e := t.Elem()
		return isText(e) || e.Kind() == reflect.String
	}
	return false
}

// isText reports whether a *t reads itself from text.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
