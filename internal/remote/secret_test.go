package remote

import (
	"strings"
	"testing"
)

// TestErrorsHideSecrets holds that what is said of an address that is wrong has no secret in it, wherever somebody put one.
func TestErrorsHideSecrets(t *testing.T) {
	for _, address := range []string{
		"amqp://user:secret@host/",
		"amqp://user:se/secret@host/",
		"amqp://user:se?secret@host/",
		"amqp://user:se#secret@host/",
		"amqp://user:secret@/",
		"amqp:user:secret@host",
		"user:secret@host",
		"other://user:secret@host/",
		"amqp://user:secret@@host/",
		"amqp://host/?password=secret",
		"amqp://host/?known=a&known=secret",
		"amqp://host/?known=%secret",
		"amqp://host:port/?password=secret",
		"amqp://host\x00:secret@",
	} {
		err := options(address)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	err := options("amqp://host:1/path?other=1")
	if err == nil || !strings.Contains(err.Error(), `"amqp://host:1/path?…" has the option "other"`) {
		t.Errorf("what is no secret: %v", err)
	}
}

// options tells what is wrong with an address that may have the one option known.
func options(address string) error {
	e, err := Parse(address, []string{"amqp"}, []string{"known"})
	if err != nil {
		return err
	}
	return e.Err()
}
