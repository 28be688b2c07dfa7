package mesh

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"strconv"
)

// told is what an envelope says of itself. The slices are parts of it.
type told struct {
	seq   uint64 // 0: none
	id    []byte // msg_id as it is written, without its quotes
	topic []byte // as it is written, with its quotes
}

// tell reads the members that matter here, without looking into the others: whether the envelope is right is for those to
// judge who take it in. Of two members of one name the last one counts, as for the old system.
func tell(envelope []byte) told {
	var t told
	i := skipSpace(envelope, 0)
	if i >= len(envelope) || envelope[i] != '{' {
		return told{}
	}
	for i++; ; i++ {
		i = skipSpace(envelope, i)
		key := skipValue(envelope, i)
		colon := skipSpace(envelope, key)
		if colon >= len(envelope) || envelope[colon] != ':' {
			return t
		}
		value := skipSpace(envelope, colon+1)
		end := skipValue(envelope, value)
		t.member(envelope[i:key], envelope[value:end])
		if i = skipSpace(envelope, end); i >= len(envelope) || envelope[i] != ',' {
			return t
		}
	}
}

// member takes note of one member.
func (t *told) member(key, value []byte) {
	switch string(key) {
	case `"seq_id"`:
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil {
			n = 0
		}
		t.seq = n
	case `"msg_id"`:
		t.id = nil
		if len(value) > 2 && value[0] == '"' {
			t.id = value[1 : len(value)-1]
		}
	case `"topic"`:
		t.topic = value
	}
}

// topicText is the topic, or empty where it is no string.
func (t *told) topicText() string {
	if len(t.topic) < 2 || t.topic[0] != '"' {
		return ""
	}
	if !bytes.ContainsRune(t.topic, '\\') {
		return string(t.topic[1 : len(t.topic)-1])
	}
	var text string
	if json.Unmarshal(t.topic, &text) != nil {
		return ""
	}
	return text
}

// skipSpace gives the next byte that is no white space of JSON.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue gives what stands behind the value that begins at i, if it is well formed; else something up to the end.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// skipString gives what stands behind the string that begins at i.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		slashes := 0
		for j := i + n - 1; j >= i && b[j] == '\\'; j-- {
			slashes++
		}
		i += n
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}

// markOf makes a mark of an id, by which messages of one number are told apart; 0 for no id.
func markOf(seed maphash.Seed, id []byte) uint64 {
	if len(id) == 0 {
		return 0
	}
	return max(maphash.Bytes(seed, id), 1)
}
