package datagrepper

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
)

// params reads parameters. The first fault stays.
type params struct {
	values url.Values
	err    error
}

func bad(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeBadRequest, format, args...)
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = bad(format, args...)
	}
}

// one gives the first value of a parameter, as the old service took it.
func (p *params) one(name string) string { return p.values.Get(name) }

// text is one that is looked for in the archive.
func (p *params) text(name string) string {
	p.check(name, p.one(name))
	return p.one(name)
}

// list gives all values of a parameter.
func (p *params) list(name string) []string {
	for _, v := range p.values[name] {
		if p.check(name, v); v == "" {
			p.fail("%s is empty; give it a value or leave it out", name)
		}
	}
	return p.values[name]
}

// mostBytes bounds a value.
const mostBytes = 1024

func (p *params) check(name, value string) {
	if len(value) > mostBytes {
		p.fail("%s has %d bytes; %d are allowed", name, len(value), mostBytes)
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		p.fail("%s has bytes that are no text", name)
	}
}

// number reads a whole number.
func (p *params) number(name string, standard, least, most int) int {
	text := p.one(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		p.fail("%s must be a whole number", name)
	case n < least:
		p.fail("%s must be > %d", name, least-1)
	case n > most:
		p.fail("%s must be <= %d", name, most)
	default:
		return n
	}
	return standard
}

// choice reads a word; the first is the standard.
func (p *params) choice(name string, words ...string) string {
	given := p.one(name)
	if given == "" {
		return words[0]
	}
	if !slices.Contains(words, given) {
		p.fail("%s must be one of %s", name, strings.Join(words, ", "))
		return words[0]
	}
	return given
}
