package mailmsg

import (
	"mime"
	"net/mail"
	"strings"
)

// maxAddresses is how many of one field are read.
const maxAddresses = 1000

// Address is somebody as a mail names them.
type Address struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// String gives it as a mail would show it: NAME <EMAIL>, or only the one that is there.
func (a Address) String() string {
	switch {
	case a.Name == "":
		return a.Email
	case a.Email == "":
		return a.Name
	}
	return a.Name + " <" + a.Email + ">"
}

// ParseAddress reads one address as Debian's files have them, NAME <EMAIL>, where the name may hold what a mail's must not: commas,
// brackets. Zero where there is none.
func ParseAddress(text string) Address {
	return loose(text[:min(len(text), maxField)], Header{}.decode)
}

// addresses reads a list. Lists that break the rules, as old mails do, are cut at their commas.
func addresses(text string, decode func(string) string) []Address {
	if text == "" {
		return nil
	}
	parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charsetReader}}
	var all []Address
	if strict, err := parser.ParseList(text); err == nil {
		for _, a := range strict {
			all = append(all, Address{Name: oneLine(decode(a.Name)), Email: oneLine(a.Address)}) // many encode what they quote
		}
		return all[:min(len(all), maxAddresses)]
	}
	for _, one := range cutList(text) {
		if a := loose(one, decode); a != (Address{}) && len(all) < maxAddresses {
			all = append(all, a)
		}
	}
	return all
}

// cutList divides a list at the commas that stand in no quotes or angle brackets.
func cutList(text string) []string {
	var all []string
	quoted, angle, from := false, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"' && !angle:
			quoted = !quoted
		case c == '<' && !quoted:
			angle = true
		case c == '>' && !quoted:
			angle = false
		case c == ',' && !quoted && !angle:
			all = append(all, text[from:i])
			from = i + 1
		}
	}
	return append(all, text[from:])
}

// loose reads an address that breaks the rules: what stands in the last angle brackets, or a word with an @.
func loose(text string, decode func(string) string) Address {
	text = strings.TrimSpace(text)
	if open := strings.LastIndexByte(text, '<'); open >= 0 {
		email, _, _ := strings.Cut(text[open+1:], ">")
		name := strings.Trim(strings.TrimSpace(text[:open]), `"`)
		return Address{Name: oneLine(decode(name)), Email: bare(email)}
	}
	for word := range strings.FieldsSeq(text) {
		if strings.Contains(word, "@") {
			return Address{Email: bare(word)}
		}
	}
	return Address{}
}

// bare leaves of an address what can be one: no blanks, brackets or quotes.
func bare(email string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f && r < 0xa0 || strings.ContainsRune(`<>"(),;`, r) {
			return -1
		}
		return r
	}, email)
}
