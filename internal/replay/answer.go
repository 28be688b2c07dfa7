package replay

import (
	"bytes"
)

// Error is why a request has no messages for an answer, as the sentence that goes over the wire.
type Error string

// Error is the sentence.
func (e Error) Error() string { return string(e) }

// The sentences that callers tell apart, or have to say.
const (
	ErrNoMatch   Error = "There was no match for the given query" // the old server's
	ErrNotObject Error = "The query is not a JSON object"         // the old server died of it
	ErrTooMany   Error = "The query has too many ids; ask for at most 10000 at a time"
	ErrTooLarge  Error = "The answer is too large; ask for less at a time"
)

// ErrNotAnswer says that an answer is neither messages nor an error.
const ErrNotAnswer Error = "the answer has a frame that is not a message"

// AppendError appends the one frame that tells why there are no messages. What is no [Error] is not shown.
func AppendError(dst []byte, err error) []byte {
	text, ok := err.(Error)
	if !ok {
		text = "The query cannot be answered now"
	}
	return append(append(append(dst, "error: '"...), text...), '\'')
}

// Answer reads an answer: the messages, each a JSON object that is not looked into, or the sentence of the server as an
// [Error].
func Answer(frames [][]byte) ([][]byte, error) {
	for _, frame := range frames {
		if len(frame) > 0 && frame[0] == '{' {
			continue
		}
		if text, ok := bytes.CutPrefix(frame, []byte("error: '")); ok && len(frames) == 1 {
			return nil, Error(clip(bytes.TrimSuffix(text, []byte("'"))))
		}
		return nil, ErrNotAnswer
	}
	if len(frames) == 0 {
		return nil, ErrNotAnswer
	}
	return frames, nil
}

// clip bounds a sentence that came from elsewhere.
func clip(text []byte) []byte {
	const most = 200
	return bytes.ToValidUTF8(text[:min(len(text), most)], []byte("?"))
}
