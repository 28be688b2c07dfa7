package main

import (
	"context"
	"errors"
	"net"
	"os"
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
	for _, inside := range parts(e.Err, text) {
		why := inside.Error()
		if repeats(e, inside) {
			continue
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

// repeats reports whether inside adds nothing to what the sentence of e says in its own words.
func repeats(e *fedmsg.Error, inside error) bool {
	switch e.Code {
	case fedmsg.CodeUnavailable, fedmsg.CodeTimeout, fedmsg.CodeQueued:
	default:
		return false
	}
	_, unknownHost := errors.AsType[*net.DNSError](inside)
	late := errors.Is(inside, context.DeadlineExceeded) || errors.Is(inside, os.ErrDeadlineExceeded)
	switch {
	case errors.Is(inside, syscall.ENOENT), errors.Is(inside, syscall.ECONNREFUSED):
		return true // no node answers there
	case late:
		return strings.Contains(e.Message, "did not answer")
	}
	return unknownHost && strings.Contains(e.Message, "no such host")
}

// parts takes joined errors apart, and of coded ones whose sentence text has already it gives the insides.
func parts(err error, text string) []error {
	insides := []error{err}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		insides = e.Unwrap()
	case *fedmsg.Error:
		if !strings.Contains(text, e.Message) {
			return insides
		}
		if e.Err == nil {
			return nil
		}
		insides = []error{e.Err}
	default:
		return insides
	}
	var all []error
	for _, inside := range insides {
		all = append(all, parts(inside, text)...)
	}
	return all
}
