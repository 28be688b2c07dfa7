package facts

import (
	"strings"

	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// finder goes through a document once and keeps whom and what it names.
type finder struct {
	users, packages names
	severity        string
	cursor          jsonwalk.Cursor
}

// deepest bounds how deep it goes: as deep as messages may be nested. What lies below is passed over.
const deepest = 64

// document looks through the body of a message.
func (f *finder) document(msg []byte) {
	if len(msg) == 0 || msg[0] != '{' && msg[0] != '[' {
		return
	}
	f.cursor = jsonwalk.Inside(msg)
	if msg[0] == '{' {
		f.object(nothing, 1)
	} else {
		f.array(nothing, 1)
	}
}

// value goes through the value at hand.
func (f *finder) value(is role, depth int) {
	kind := f.cursor.Kind()
	switch {
	case kind == '"':
		f.text(is, f.taken())
	case kind == '{' && depth < deepest:
		f.cursor.Enter()
		f.object(is, depth+1)
	case kind == '[' && depth < deepest:
		f.cursor.Enter()
		f.array(is, depth+1)
	default:
		f.cursor.Take()
	}
}

// taken takes the string at hand.
func (f *finder) taken() string {
	raw := f.cursor.Take()
	if len(raw) < 2 {
		return ""
	}
	return jsonwalk.Unquote(raw[1 : len(raw)-1])
}

// array goes through the elements of the array that the cursor is in: each is one user or package.
func (f *finder) array(is role, depth int) {
	switch is {
	case users:
		is = user
	case packages:
		is = pkg
	}
	for {
		if _, ok := f.cursor.Next(false); !ok {
			return
		}
		f.value(is, depth)
	}
}

// object goes through the members of the object that the cursor is in. Where it stands for a user or package, its name is among
// them.
func (f *finder) object(is role, depth int) {
	var called, address string
	var versioned, released, named bool // named: there is a better name than that in "name"
	for {
		key, ok := f.cursor.Next(true)
		if !ok {
			break
		}
		member, text := roleOf(key), f.cursor.Kind() == '"'
		switch {
		case member == name && text:
			called = f.taken()
			continue
		case member == email && text:
			address = f.taken()
			continue
		case member == version:
			versioned = true
		case member == release:
			released = text
		case is == users && text:
			f.users.addUser(f.taken()) // WHATEVER: NAME
			continue
		case (is == users || is == packages) && member == nothing:
			f.text(is, jsonwalk.Unquote(key)) // NAME: WHATEVER
		case member == is:
			named = named || text
		}
		f.value(member, depth)
	}
	switch {
	case is == person, is == user && !named && !isName(called):
		f.users.addUser(address) // a name alone has spaces, or is that of many
	case is == user && !named, is == users:
		f.users.addUser(called)
	case is == pkg && !named, is == packages, versioned && released:
		f.packages.add(called)
	}
}

// text takes what a text says by its role.
func (f *finder) text(is role, text string) {
	switch is {
	case user, person:
		f.users.addUser(text)
	case users:
		f.users.addEach(text, (*names).addUser)
	case pkg, source:
		f.packages.add(text)
	case packages:
		f.packages.addEach(text, (*names).add)
	case build:
		f.packages.add(packageOf(text))
	}
}

// headers looks through headers: those that are called as members of a body are mean the same. Those of fedora-messaging have a
// header for each name; of many, an AMQP source makes few that list them.
func (f *finder) headers(raw []byte) {
	if len(raw) == 0 || raw[0] != '{' {
		return
	}
	var severity string
	f.cursor = jsonwalk.Inside(raw)
	for {
		key, ok := f.cursor.Next(true)
		if !ok {
			break
		}
		header := jsonwalk.Unquote(key)
		switch {
		case header == "fedora_messaging_severity" || header == "severity" && severity == "":
			severity = f.scalar()
			continue
		case f.indexed(header):
			continue
		}
		f.value(roleOf(key), 2)
	}
	f.severity = severityOf(severity)
}

// indexed takes the names of a header that is there to be found by, and reports whether it is one.
func (f *finder) indexed(header string) bool {
	if kind, called, ok := strings.Cut(strings.TrimPrefix(header, "fedora_messaging_"), "_"); ok && strings.HasPrefix(header, "fedora_messaging_") {
		switch kind {
		case "user":
			f.users.add(called)
		case "rpm":
			f.packages.add(called)
		default:
			return false
		}
		f.cursor.Take()
		return true
	}
	switch {
	case strings.HasPrefix(header, "fedmsg_index_user_"):
		f.text(users, f.scalar())
	case strings.HasPrefix(header, "fedmsg_index_rpm_"):
		f.text(packages, f.scalar())
	default:
		return false
	}
	return true
}

// scalar takes a text or number at hand as a text.
func (f *finder) scalar() string {
	if f.cursor.Kind() == '"' {
		return f.taken()
	}
	return string(f.cursor.Take())
}
