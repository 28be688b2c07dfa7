package trust

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Level orders what a [Status] tells.
type Level int

// The levels.
const (
	OK Level = iota
	Warning
	Failed
)

// Status is one fact of the store's health.
type Status struct {
	Name  string // trust, ca-ROOT, crl-ROOT
	Level Level
	Text  string // for operators; names roots and files by their base name
}

// Health tells whether the files could be read, which authority ends soon or has ended, and how old the revocation lists are.
func (s *Store) Health(now time.Time) []Status {
	n := s.current()
	list := []Status{n.health()}
	for _, r := range n.roots {
		if s, ok := r.endHealth(now); ok {
			list = append(list, s)
		}
		if r.list != nil {
			list = append(list, n.listHealth(r, now))
		}
	}
	return list
}

func (n *snapshot) health() Status {
	if len(n.faults) > 0 {
		var parts []string
		for _, err := range n.faults {
			if f, ok := errors.AsType[*fault](err); ok {
				parts = append(parts, f.brief())
			}
		}
		return Status{"trust", Failed, "what was read before stays in force: " + strings.Join(parts, "; ")}
	}
	if len(n.roots) == 0 {
		return Status{"trust", OK, "there is no [[trust]]: nothing is taken that was signed elsewhere"}
	}
	var names []string
	for _, r := range n.roots {
		name := r.Name
		if r.Legacy {
			name += " (legacy)"
		}
		names = append(names, name)
	}
	noun := "roots"
	if len(names) == 1 {
		noun = "root"
	}
	return Status{"trust", OK, fmt.Sprintf("%d %s: %s", len(names), noun, strings.Join(names, ", "))}
}

// warnAhead is how long before its end an authority is worth a warning.
const warnAhead = 30 * 24 * time.Hour

// endHealth warns of an authority that ends soon or has ended, unless the root's own not_after says that this is meant.
func (r *root) endHealth(now time.Time) (Status, bool) {
	if r.authority == nil {
		return Status{}, false
	}
	end := r.authority.Ends()
	if !r.NotAfter.IsZero() && !r.NotAfter.After(end) || now.Before(end.Add(-warnAhead)) {
		return Status{}, false
	}
	when := fmt.Sprintf("ends in %s: then what it certified will be refused", span(end.Sub(now)))
	if now.After(end) {
		when = fmt.Sprintf("ended %s ago: what it certified is refused", span(now.Sub(end)))
	}
	return Status{"ca-" + r.Name, Warning, "the authority's certificate " + when +
		"; add its new one to the file of ca, or set not_after if the root is for old messages alone"}, true
}

func (n *snapshot) listHealth(r *root, now time.Time) Status {
	crl := r.list.crl
	s := Status{Name: "crl-" + r.Name, Text: fmt.Sprintf("the revocation list was issued %s ago", span(now.Sub(crl.ThisUpdate)))}
	if crl.NextUpdate.IsZero() {
		s.Text += " and does not say when it will be renewed"
		return s
	}
	if !crl.Stale(now, 0) {
		s.Text += fmt.Sprintf("; the next one is due in %s", span(crl.NextUpdate.Sub(now)))
		return s
	}
	s.Text += fmt.Sprintf(" and should have been renewed %s ago", span(now.Sub(crl.NextUpdate)))
	const cure = "the authority must issue a new one"
	end := crl.NextUpdate.Add(n.settings.StaleCRLGrace)
	switch {
	case n.settings.OnStaleCRL == acceptStale:
		s.Level = Warning
		s.Text += fmt.Sprintf("; on_stale_crl = %q: REVOKED CERTIFICATES MAY PASS UNNOTICED; %s", acceptStale, cure)
	case crl.Stale(now, n.settings.StaleCRLGrace):
		s.Level = Failed
		s.Text += "; certificates of the root are refused; " + cure
	default:
		s.Level = Warning
		s.Text += fmt.Sprintf("; certificates of the root will be refused in %s; %s", span(end.Sub(now)), cure)
	}
	return s
}

// span is a duration as people say it: days, or hours, or less.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.Round(time.Second).String()
}
