package archive

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

const (
	// MaxValues bounds the values of one part of a question.
	MaxValues = 256
	// maxValueBytes bounds each of them, and maxTextBytes the text that is looked for.
	maxValueBytes = 1024
	maxTextBytes  = 4096
)

// Validate finds what is wrong with a question, with CodeBadRequest and the cure.
func (q *Query) Validate() error {
	if q.Limit < 1 || q.Limit > MaxLimit {
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "limit is %d; 1 to %d messages can be asked for at a time", q.Limit, MaxLimit)
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && q.Until.Before(q.Since) {
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "until, %s, is before since, %s", q.Until.UTC().Format(stampForm), q.Since.UTC().Format(stampForm))
	}
	if err := q.validateNames(); err != nil {
		return err
	}
	for _, s := range q.Severities {
		if !slices.Contains(severities(), s) {
			return fedmsg.Errorf(fedmsg.CodeBadRequest, "%q is no severity; there are %s", clip(s), strings.Join(severities(), ", "))
		}
	}
	if err := filter.CheckSenders(q.Filter.Senders); err != nil {
		return err
	}
	if err := filter.CheckSigners(q.Filter.Signers); err != nil {
		return err
	}
	if err := q.validateText(); err != nil {
		return err
	}
	_, err := q.window()
	return err
}

const stampForm = "2006-01-02T15:04:05.999999Z07:00"

// severities are those that messages have; see [facts.Facts].
func severities() []string { return []string{"debug", "info", "warning", "error"} }

func (q *Query) validateNames() error {
	for _, part := range []struct {
		name   string
		values []string
	}{
		{"category", q.Categories}, {"user", q.Users}, {"package", q.Packages}, {"severity", q.Severities}, {"id", q.IDs},
		{"not_category", q.Not.Categories}, {"not_user", q.Not.Users}, {"not_package", q.Not.Packages},
		{"prefix", q.Filter.Prefixes}, {"sender", q.Filter.Senders}, {"signer", q.Filter.Signers}, {"not_prefix", q.Not.Filter.Prefixes},
	} {
		if err := validateValues(part.name, part.values); err != nil {
			return err
		}
	}
	if n := max(len(q.Filter.Topics), len(q.Not.Filter.Topics)); n > MaxValues {
		return tooMany("topic", n)
	}
	return nil
}

func validateValues(name string, values []string) error {
	if len(values) > MaxValues {
		return tooMany(name, len(values))
	}
	for _, v := range values {
		switch {
		case v == "":
			return fedmsg.Errorf(fedmsg.CodeBadRequest, "%s is empty; give it a value or leave it out", name)
		case len(v) > maxValueBytes:
			return fedmsg.Errorf(fedmsg.CodeBadRequest, "%s has %d bytes; %d are allowed", name, len(v), maxValueBytes)
		case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
			return fedmsg.Errorf(fedmsg.CodeBadRequest, "%s %q has control characters or is not UTF-8", name, clip(v))
		}
	}
	return nil
}

func tooMany(name string, n int) error {
	return fedmsg.Errorf(fedmsg.CodeBadRequest, "%s is given %d times; %d are allowed", name, n, MaxValues)
}

func (q *Query) validateText() error {
	switch {
	case q.Text == "":
		return nil
	case len(q.Text) > maxTextBytes:
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "text has %d bytes; %d are allowed", len(q.Text), maxTextBytes)
	case !utf8.ValidString(q.Text):
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "text is not UTF-8")
	}
	switch n := len(facts.Query(q.Text)); {
	case n == 0:
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "text %q has no word, that is no letter and no digit, to look for", clip(q.Text))
	case n > maxTextWords:
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "text has %d words; %d are allowed", n, maxTextWords)
	}
	return nil
}

// maxTextWords bounds the words that are looked for together.
const maxTextWords = 64

// clip shortens what came from outside for a sentence.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
