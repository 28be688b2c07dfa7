package debian

import (
	"strings"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// Upload is what the archive's programs tell of an upload, or of a package.
type Upload struct {
	Changes
	Packages    []string         `json:"packages"` // the source packages
	Action      Kind             `json:"action"`
	Outcome     string           `json:"outcome,omitempty"`      // of processing: uploaded or failed
	Suite       string           `json:"suite,omitempty"`        // where it went, or what it was removed from
	ChangesFile string           `json:"changes_file,omitempty"` // the name of the .changes
	Bug         string           `json:"bug,omitempty"`          // the number of the bug that asked for a removal
	Text        string           `json:"text,omitempty"`         // what the archive says, where it is not only that all went well
	Person      *mailmsg.Address `json:"person,omitempty"`       // who made the upload, or removed the package
	Mail        Source           `json:"mail"`
}

// archiveMail reads a mail of the archive's programs (dak, and katie before it) or of its upload queue.
func archiveMail(m *mailmsg.Mail) (Kind, Event) {
	u := &Upload{Packages: []string{}, Mail: source(m)}
	h := m.Header
	u.fill(h.Text("Debian-Source"), h.Text("Debian-Version"), h.Text("Debian-Architecture"))
	u.readSubject(m.Subject)
	changes, signed, found := findChanges(m)
	switch {
	case found: // and nothing else, which nobody may have signed
		u.Changes = changes
		u.Person = person(mailmsg.ParseAddress(either(changes.ChangedBy, changes.Maintainer)))
	case u.Action != Removed:
		u.fill(h.Text("X-Debian-Package"), "", "")
	}
	if u.Action != Accepted {
		text, whole := m.Text(maxText)
		text, _, signature := strings.Cut(text, "\n===\n") // which is the same in every mail
		u.Text, u.Cut = strings.TrimSpace(text), u.Cut || !whole && !signature
	}
	switch u.Action {
	case Processing:
		u.Outcome = "failed"
		if strings.Contains(u.Text, "uploaded successfully to ") {
			u.Outcome = "uploaded"
		}
	case Removed:
		u.readRemoval()
		if by := h.Addresses("Sender"); len(by) == 1 && !isRobot(by[0]) {
			u.Person = &by[0]
		}
	}
	if u.Source != "" {
		u.Packages = []string{u.Source}
	}
	return u.Action, Event{Topic: u.Action.Topic(), Body: u, Signed: signed}
}

// either gives the first text, or the second where that is empty.
func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// fill sets what is not known yet.
func (u *Upload) fill(source, version, architecture string) {
	u.Source = either(u.Source, cut(source, 200))
	u.Version = either(u.Version, cut(version, 200))
	u.Architecture = either(u.Architecture, cut(architecture, 1000))
}

// readSubject reads which action a subject tells, and of what.
func (u *Upload) readSubject(subject string) {
	u.Action = Archive
	first, rest, _ := strings.Cut(subject, " ")
	switch {
	case strings.HasPrefix(subject, "Processing of ") && strings.HasSuffix(subject, ".changes"):
		u.Action = Processing
		u.readFile(strings.TrimPrefix(subject, "Processing of "))
	case first == "Accepted" && len(strings.Fields(rest)) >= 2:
		u.Action = Accepted
		f := strings.Fields(rest)
		_, inside, _ := strings.Cut(rest, "(")
		architecture, behind, _ := strings.Cut(inside, ")")
		u.fill(f[0], f[1], architecture)
		u.Suite = strings.TrimPrefix(strings.TrimSpace(behind), "into ")
	case strings.HasSuffix(first, ".changes"):
		u.readVerdict(first, rest)
	case strings.Contains(subject, "Removed package(s) from "):
		u.Action = Removed
		_, u.Suite, _ = strings.Cut(subject, "Removed package(s) from ")
		if n, _ := number(strings.TrimPrefix(subject, "Bug#")); n > 0 {
			u.Bug = text(n)
		}
	}
}

// readVerdict reads what was decided about a .changes.
func (u *Upload) readVerdict(file, verdict string) {
	switch {
	case strings.HasPrefix(verdict, "ACCEPTED"):
		u.Action = Accepted
		u.Suite = strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(verdict, "ACCEPTED")), "into ")
	case strings.HasPrefix(verdict, "REJECTED"):
		u.Action = Rejected
	case strings.HasPrefix(verdict, "is NEW"):
		u.Action = New
	}
	u.readFile(file)
}

// readFile reads the name of a .changes: SOURCE_VERSION_ARCHITECTURE.changes, where the version lacks its epoch.
func (u *Upload) readFile(file string) {
	file = file[strings.LastIndexByte(file, '/')+1:]
	u.ChangesFile = cut(file, 400)
	name, rest, ok := strings.Cut(strings.TrimSuffix(file, ".changes"), "_")
	at := strings.LastIndexByte(rest, '_')
	if ok && at > 0 {
		u.fill(name, rest[:at], rest[at+1:])
	}
}

// readRemoval reads the table of what was removed, why, and by whom.
func (u *Upload) readRemoval() {
	sources, all := []string{}, []string{}
	for line := range strings.SplitSeq(u.Text, "\n") {
		if name, ftpmaster := strings.CutSuffix(line, " (the ftpmaster behind the curtain)"); ftpmaster {
			u.Person = person(mailmsg.Address{Name: strings.TrimSpace(name)})
		}
		f := strings.Split(line, "|")
		if len(f) != 3 {
			continue
		}
		name, v := strings.TrimSpace(f[0]), strings.TrimSpace(f[1])
		all = append(all, name)
		if strings.Contains(f[2], "source") {
			sources = append(sources, name)
			u.Version = v
		}
	}
	if len(sources) != 1 { // then there is no one version
		u.Version = ""
	}
	if len(sources) == 0 {
		sources = all
	}
	u.Packages = sorted(sources)
	u.Source = only(u.Packages)
}
