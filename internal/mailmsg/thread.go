package mailmsg

import (
	"net/mail"
	"strings"
	"time"
)

// maxID and maxIDs bound what is kept of a thread.
const (
	maxID  = 998 // bytes, which is what a line of a mail may have
	maxIDs = 100
)

// oneID reads a Message-ID, also one that lacks its brackets or holds what it must not.
func oneID(text string) string {
	if all := ids(text); len(all) > 0 {
		return all[0]
	}
	return cleanID(text)
}

// ids reads the Message-IDs of a field: those in angle brackets, else the words with an @. Of a long list the first, which is
// the thread's, and the last ones are kept.
func ids(text string) []string {
	var all []string
	for rest := text; ; {
		_, behind, opened := strings.Cut(rest, "<")
		id, behind, closed := strings.Cut(behind, ">")
		if !opened || !closed {
			break
		}
		if id = cleanID(id); id != "" {
			all = append(all, id)
		}
		rest = behind
	}
	if len(all) == 0 {
		for word := range strings.FieldsSeq(text) {
			if strings.Contains(word, "@") {
				all = append(all, cleanID(word))
			}
		}
	}
	if len(all) > maxIDs {
		all = append(all[:1], all[len(all)-maxIDs+1:]...)
	}
	return all
}

// cleanID takes from an id what can be in none: brackets at its ends and blanks.
func cleanID(id string) string {
	id = strings.Join(strings.Fields(strings.Trim(id, "<> ")), "")
	return strings.ToValidUTF8(id[:min(len(id), maxID)], "")
}

// listID names the mailing list: by List-Id, or by the address in X-Mailing-List, as lists said it before there was a List-Id.
func listID(h Header) string {
	if id := inBrackets(h.Text("List-Id")); id != "" {
		return id
	}
	address := inBrackets(h.Text("X-Mailing-List"))
	if !strings.Contains(address, "@") {
		return ""
	}
	return strings.Replace(address, "@", ".", 1)
}

// inBrackets gives what stands in the angle brackets, or the first word where there are none.
func inBrackets(text string) string {
	if open := strings.LastIndexByte(text, '<'); open >= 0 {
		text, _, _ = strings.Cut(text[open+1:], ">")
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	return cleanID(words[0])
}

// date reads a time, in UTC; zero for what is none.
func date(text string) time.Time {
	t, err := mail.ParseDate(text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
