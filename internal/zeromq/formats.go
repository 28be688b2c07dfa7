package zeromq

import "fmt"

// format is a way in which entries stand on the wire.
type format string

const (
	formatFedmsg1 format = "fedmsg1" // topic, envelope: what the deployed programs read
	formatFedpub1 format = "fedpub1" // topic, FEDPUB1, headers, body: the publishing service of 2017
	formatFedmsg2 format = "fedmsg2" // topic, FEDMSG2, envelope, signatures
)

// parseFormat reads the option format=.
func parseFormat(text string) (format, error) {
	switch f := format(text); f {
	case formatFedmsg1, formatFedpub1, formatFedmsg2:
		return f, nil
	}
	return "", fmt.Errorf("format is one of fedmsg1, fedpub1 and fedmsg2, not %q", text)
}
