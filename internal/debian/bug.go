package debian

import (
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// Bug is a mail to a bug, or the news that one was closed or forwarded.
type Bug struct {
	From        string           `json:"from"` // of the mail; the bug tracker itself where it tells of somebody
	Source      string           `json:"source,omitempty"`
	Package     string           `json:"package,omitempty"`
	Tags        []string         `json:"tags"`
	Type        Kind             `json:"type"`
	Nb          string           `json:"nb"`
	Title       string           `json:"title"`
	Version     string           `json:"version,omitempty"` // that the bug was found in, or is fixed in
	Content     string           `json:"content"`
	ContentCut  bool             `json:"content_cut,omitempty"`
	Patches     []string         `json:"patches"`
	Attachments []Attachment     `json:"attachments,omitempty"`
	Packages    []string         `json:"packages"` // the source packages, or else what the bug is filed against
	Against     []string         `json:"against"`  // what the bug is filed against, as written: binary packages, or src:NAME
	Person      *mailmsg.Address `json:"person,omitempty"`
	Mail        Source           `json:"mail"`
}

// Attachment is a file that came with a mail.
type Attachment struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
	Size int    `json:"size"` // in bytes, as it was sent
}

// text writes the number of a bug.
func text(n int) string { return strconv.Itoa(n) }

// bugMail reads a mail of the bug tracker.
func bugMail(m *mailmsg.Mail) (Kind, []Event) {
	what, rest, _ := strings.Cut(m.Header.Text("X-Debian-PR-Message"), " ")
	kind := bugKind(what)
	if kind == Transcript {
		return kind, []Event{{Topic: kind.Topic(), Body: control(m)}}
	}
	n, _ := number(strings.TrimSpace(rest))
	if n == 0 {
		n, _ = number(strings.TrimPrefix(m.Subject, "Bug#"))
	}
	if kind == Reply || n == 0 {
		return Reply, nil
	}
	if kind == Report && m.Header.Count("Resent-From") == 0 && strings.Contains(m.Header.Text("Reply-To"), text(n)+"-quiet@") {
		kind = Followup // to the reporter alone, by N-submitter@
	}
	against, sources := names(m.Header.Text("X-Debian-PR-Package")), names(m.Header.Text("X-Debian-PR-Source"))
	b := &Bug{
		From: sender(m), Source: only(sources), Package: only(against), Tags: names(m.Header.Text("X-Debian-PR-Keywords")),
		Type: kind, Nb: text(n), Title: title(m.Subject, n), Packages: concerned(sources, against), Against: against,
		Person: person(m.From), Mail: source(m),
	}
	said := m // what somebody wrote, within what the bug tracker says of it
	switch kind {
	case Closed:
		said = b.readClosed(m)
	case Report:
		b.Version = version(pseudoHeader(m)["version"])
	case Forwarded:
		b.Person = firstOf(m.Header.Addresses("To"))
	}
	content, whole := written(said, maxContent)
	b.Content, b.ContentCut = content, !whole
	b.addFiles(said)
	return kind, []Event{{Topic: kind.Topic(), Body: b}}
}

// bugKind reads the first word of X-Debian-PR-Message. News to another person, or of a command, are what they would be without that.
func bugKind(what string) Kind {
	what = strings.TrimPrefix(what, "they-")
	what, _, _ = strings.Cut(what, "-")
	switch kind := Kind(what); kind {
	case Report, Followup, Closed, Forwarded, Transcript:
		return kind
	}
	return Reply
}

// title gives a bug's title of a mail's subject.
func title(subject string, n int) string {
	rest := strings.TrimPrefix(subject, "Bug#"+text(n))
	if rest == subject {
		return cut(subject, maxText)
	}
	rest = strings.TrimSpace(strings.TrimPrefix(rest, ":"))
	for _, done := range []string{"marked as done (", "marked as forwarded (", "acknowledged by developer ("} {
		if inside, ok := strings.CutPrefix(rest, done); ok {
			rest = strings.TrimSuffix(inside, ")")
		}
	}
	return cut(rest, maxText)
}

// written gives what the sender of a mail wrote, up to max bytes: of a mail that is clear-signed from its first line only that.
func written(m *mailmsg.Mail, max int) (content string, whole bool) {
	content, whole = m.Text(max)
	if strings.HasPrefix(strings.TrimLeft(content, "\n"), "-----BEGIN PGP SIGNED MESSAGE-----") {
		for _, s := range m.Signed(max) {
			if s.Clear {
				return s.Text, true
			}
		}
	}
	return content, whole
}

// pseudoHeader reads the lines NAME: VALUE that a mail to the bug tracker begins with, by names in lower case.
func pseudoHeader(m *mailmsg.Mail) map[string]string {
	content, _ := written(m, maxText)
	fields := make(map[string]string)
	for line := range strings.SplitSeq(strings.TrimLeft(content, " \t\n"), "\n") {
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" || strings.ContainsAny(name, " \t>") {
			break
		}
		if _, twice := fields[name]; !twice {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// addFiles lists the files of a mail, and takes in those that are patches.
func (b *Bug) addFiles(m *mailmsg.Mail) {
	b.Patches = []string{}
	room := maxPatches
	for _, part := range m.Leaves() {
		if part.Message != nil || part.Name == "" && !part.Attached || part.Type == "application/pgp-signature" {
			continue
		}
		if len(b.Attachments) < 100 {
			b.Attachments = append(b.Attachments, Attachment{cut(part.Name, 400), cut(part.Type, 200), part.Size()})
		}
		if isPatch(part) {
			if patch, whole := part.Text(min(room, maxContent)); whole {
				b.Patches = append(b.Patches, patch)
				room -= len(patch)
			}
		}
	}
}

// isPatch tells whether a file is a patch that can be read as text.
func isPatch(p *mailmsg.Part) bool {
	switch p.Type {
	case "text/x-diff", "text/x-patch":
		return true
	}
	for _, end := range []string{".patch", ".diff", ".debdiff"} {
		if strings.HasSuffix(strings.ToLower(p.Name), end) {
			return true
		}
	}
	return false
}
