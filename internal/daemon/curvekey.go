package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// CurveFile is the file of the node's CURVE keys in a state directory. It has the form in which ZeroMQ's own tools keep them, and
// not the suffix .key, by which the keys that sign are found.
func CurveFile(state string) string { return filepath.Join(KeysDir(state), "curve.key_secret") }

// ReadCurve reads CURVE keys from a file that [keys.ReadPrivateFile] takes. Where there is none the error is
// fs.ErrNotExist.
func ReadCurve(path string) (zmtp.CurvePair, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return zmtp.CurvePair{}, err
	}
	text, err := keys.ReadPrivateFile(path)
	if err != nil {
		return zmtp.CurvePair{}, err
	}
	var pair zmtp.CurvePair
	public := ""
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.TrimSpace(name) {
		case "public-key":
			public = value
		case "secret-key":
			secret, err := zmtp.ParseCurveSecret(value)
			if err != nil {
				return zmtp.CurvePair{}, badCurve(path, "its secret-key is not a key in Z85")
			}
			pair = secret.Pair()
		}
	}
	switch {
	case pair.Secret.Reveal() == "":
		return zmtp.CurvePair{}, badCurve(path, "it has no secret-key")
	case pair.Public.String() != public:
		return zmtp.CurvePair{}, badCurve(path, "its public-key does not belong to its secret-key")
	}
	return pair, nil
}

func badCurve(path, why string) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, "cannot use the CURVE keys %s: %s; put a good copy in its place, or move it away, and the node makes others, which its peers then must be told", path, why)
}

// OwnCurve reads the CURVE keys of a state directory, or makes them.
func OwnCurve(state string) (zmtp.CurvePair, error) {
	path := CurveFile(state)
	pair, err := ReadCurve(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	pair = zmtp.NewCurvePair()
	if err := os.MkdirAll(KeysDir(state), 0o700); err != nil {
		return zmtp.CurvePair{}, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the directory of the node's keys")
	}
	return pair, WriteCurve(path, pair)
}

// WriteCurve writes CURVE keys to a file that only its owner may read.
func WriteCurve(path string, pair zmtp.CurvePair) error {
	text := fmt.Sprintf("# CURVE keys of ZeroMQ. Whoever has the secret one can pass for their owner.\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", pair.Public, pair.Secret.Reveal())
	if err := durable.WriteFile(durable.OS{}, path, []byte(text), 0o600); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write the CURVE keys %s", path)
	}
	return nil
}
