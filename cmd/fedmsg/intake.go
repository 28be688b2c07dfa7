package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/federated-messaging/fedmsg"
)

// document is one message of an input, as it stands there; whether it is JSON at all its reader has to find out.
type document struct {
	text []byte
	at   string // where it stands, for people
	err  error  // why it cannot be read, where that is known
}

// intake takes the messages out of an input. It is lines, of which each is a message, an array of messages, or an object
// with raw_messages as the old archive answers; or an array, or objects, laid out over several lines. What is wrong with one
// line does no harm to the next. Between lines and elements it has no more than one of them in memory.
type intake struct {
	in     *bufio.Reader
	prefix string // of places: the file, where there are several
	limit  int    // bytes of a line, or of a message or object over lines

	begun bool
	line  int
	laid  *laidOut   // the input is laid out over lines
	queue []document // of the line that was read last
}

func newIntake(in io.Reader, prefix string, limit int) *intake {
	return &intake{in: bufio.NewReaderSize(in, 64<<10), prefix: prefix, limit: limit}
}

// waiting reports whether the next document may have to be waited for.
func (d *intake) waiting() bool { return len(d.queue) == 0 && d.in.Buffered() == 0 }

// next gives the next document, whose memory is the caller's, and io.EOF at the end. Another error ends the input.
func (d *intake) next() (document, error) {
	if !d.begun {
		d.begun = true
		d.look()
	}
	for {
		switch {
		case len(d.queue) > 0:
			doc := d.queue[0]
			d.queue = d.queue[1:]
			return doc, nil
		case d.laid != nil:
			doc, err := d.laid.next()
			if err != nil {
				return document{}, err
			}
			d.unfold(doc)
			continue
		}
		text, err := d.readLine()
		if err != nil {
			return document{}, err
		}
		if doc := (document{text: bytes.TrimSpace(text), at: fmt.Sprintf("%sline %d", d.prefix, d.line)}); text == nil {
			doc.err = fedmsg.Errorf(fedmsg.CodeTooLarge, "the line has more than %d bytes", d.limit)
			return doc, nil
		} else if len(doc.text) > 0 {
			d.unfold(doc)
		}
	}
}

// look finds out whether the input is laid out over lines: it begins with an array, or with a bracket alone on its line.
func (d *intake) look() {
	for n := 1; ; n++ {
		start, err := d.in.Peek(n)
		if err != nil {
			return
		}
		c := start[n-1]
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			if next, _ := d.in.Peek(n + 2); len(next) > n && next[n] != '\n' && string(next[n:]) != "\r\n" {
				return
			}
		case '[':
		default:
			return
		}
		d.laid = newLaidOut(d.in, d.prefix, d.limit, c == '[')
		return
	}
}

// readLine gives the next line, or nil for one that is too long.
func (d *intake) readLine() ([]byte, error) {
	d.line++
	line, long := []byte{}, false
	for {
		part, err := d.in.ReadSlice('\n')
		if long = long || len(line)+len(part) > d.limit; !long {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(line) == 0 && !long:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the input")
		case long:
			return nil, nil
		}
		return line, nil
	}
}

// unfold queues what is in a line or laid-out value: itself, or the messages of an array or of an archive's answer.
func (d *intake) unfold(doc document) {
	has := members(doc.text)
	switch {
	case doc.err == nil && bytes.HasPrefix(doc.text, []byte("[")):
		d.queue = unfolded(doc, doc.text)
	case doc.err == nil && has[rawMessages]:
		d.queue = archived(doc)
		if has["topic"] || has["msg"] || has["payload"] || has["envelope"] { // what it says itself would be passed over in silence
			doc.err = fedmsg.Errorf(fedmsg.CodeBadEnvelope, "an object is a message, or it has %s, not both", rawMessages)
			d.queue = append(d.queue, doc)
		}
	default:
		d.queue = append(d.queue[:0], doc)
	}
}

// rawMessages is the member of the old archive's answers that holds the messages.
const rawMessages = "raw_messages"

// unfolded gives the elements of an array that is in doc.
func unfolded(doc document, array []byte) []document {
	var list []json.RawMessage
	if err := json.Unmarshal(array, &list); err != nil {
		doc.err = notJSON(err)
		return []document{doc}
	}
	docs := make([]document, len(list))
	for i, text := range list {
		docs[i] = document{text: text, at: fmt.Sprintf("%s, element %d", doc.at, i+1)}
	}
	return docs
}

// archived gives the messages of an archive's answer. A member that is there twice counts twice: none may be hidden by another.
func archived(doc document) (docs []document) {
	dec := json.NewDecoder(bytes.NewReader(doc.text))
	_, err := dec.Token()
	for err == nil && dec.More() {
		var key json.Token
		var value json.RawMessage
		if key, err = dec.Token(); err == nil {
			err = dec.Decode(&value)
		}
		if err == nil && key == rawMessages {
			docs = append(docs, unfolded(doc, value)...)
		}
	}
	if err == nil {
		_, err = dec.Token() // the bracket at the end
	}
	if _, more := dec.Token(); err == nil && more != io.EOF {
		err = fmt.Errorf("something stands behind the object")
	}
	if err != nil {
		doc.err = notJSON(err)
		docs = append(docs, doc)
	}
	return docs
}

func notJSON(err error) error {
	return fedmsg.WrapError(fedmsg.CodeBadJSON, err, "it is not JSON")
}

// members gives the names of the outermost members of an object, also of one in which something is wrong further in.
func members(text []byte) map[string]bool {
	set, depth, start, end := map[string]bool{}, 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ':':
			if depth == 1 {
				set[unescaped(text[start:end])] = true
			}
		case '"':
			for start, i = i+1, i+1; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			end = min(i, len(text))
		}
	}
	return set
}

// unescaped is what the inside of a JSON string says.
func unescaped(inside []byte) string {
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside)
	}
	var text string
	if json.Unmarshal(fmt.Appendf(nil, `"%s"`, inside), &text) != nil {
		return string(inside)
	}
	return text
}
