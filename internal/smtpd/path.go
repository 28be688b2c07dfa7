package smtpd

import (
	"strconv"
	"strings"
)

// path reads what MAIL and RCPT have behind their colon: an address in angle brackets, and behind it options, in upper case up to their
// equals sign. Routes before the address, which nobody uses any more, are passed over.
func path(argument, before string) (address string, options []string, ok bool) {
	if len(argument) < len(before) || !strings.EqualFold(argument[:len(before)], before) {
		return "", nil, false
	}
	rest := strings.TrimLeft(argument[len(before):], " ")
	if !strings.HasPrefix(rest, "<") {
		return "", nil, false
	}
	end := closing(rest)
	if end < 0 {
		return "", nil, false
	}
	address, rest = rest[1:end], rest[end+1:]
	if rest != "" && rest[0] != ' ' {
		return "", nil, false
	}
	if strings.HasPrefix(address, "@") {
		_, address, ok = strings.Cut(address, ":")
		if !ok {
			return "", nil, false
		}
	}
	return address, strings.Fields(rest), true
}

// closing finds the bracket that ends the address; one within quotes does not.
func closing(text string) int {
	quoted := false
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i
		case c <= ' ' && !quoted || c == '<' && !quoted:
			return -1
		}
	}
	return -1
}

// declared reads the options of MAIL: the size that the mail will have, 0 where it is not said.
func declared(options []string) (size int, ok bool) {
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		switch strings.ToUpper(name) {
		case "SIZE":
			n, err := strconv.ParseUint(value, 10, 62)
			if err != nil {
				return 0, false
			}
			size = int(n)
		case "BODY":
			if v := strings.ToUpper(value); v != "7BIT" && v != "8BITMIME" {
				return 0, false
			}
		case "SMTPUTF8", "AUTH": // mails are bytes here; and who is said to have proved what is believed of nobody
		default:
			return 0, false
		}
	}
	return size, true
}
