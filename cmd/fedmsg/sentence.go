package main

import (
	"errors"
	"strings"
	"syscall"

	"github.com/federated-messaging/fedmsg"
)

// sentence is what a user is told of err, on one line: its sentence, and behind it what the insides add. What they only
// repeat is left out.
func sentence(err error) string {
	e, ok := errors.AsType[*fedmsg.Error](err)
	if !ok || e.Err == nil || e.Error() != err.Error() {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	text := e.Message
	for _, inside := range parts(e.Err) {
		why := inside.Error()
		absent := errors.Is(inside, syscall.ENOENT) || errors.Is(inside, syscall.ECONNREFUSED)
		if e.Code == fedmsg.CodeUnavailable && absent {
			continue // no node answers there: that is the sentence
		}
		if last := why[strings.LastIndex(why, ": ")+1:]; strings.HasSuffix(text, strings.TrimSpace(last)) || strings.Contains(text, why) {
			continue
		}
		separator := "; "
		if text == e.Message {
			separator = ": "
		}
		text += separator + why
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// parts takes joined errors apart.
func parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}
