package deliver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/nearest"
)

// find gives the sink of that name, or an error with CodeNotFound that names the nearest.
func (s *Set) find(name string) (*runner, error) {
	var names []string
	for _, r := range s.runners {
		if r.cfg.Name == name {
			return r, nil
		}
		names = append(names, r.cfg.Name)
	}
	text := fmt.Sprintf("there is no sink %q", name)
	if near := nearest.Word(name, names); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	} else if len(names) > 0 {
		slices.Sort(names)
		text += "; there are " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return nil, &fedmsg.Error{Code: fedmsg.CodeNotFound, Message: text}
}

func (s *Set) has(name string) bool {
	return slices.ContainsFunc(s.runners, func(r *runner) bool { return r.cfg.Name == name })
}

// Check fails with CodeNotFound, naming the nearest, for a name that no sink has.
func (s *Set) Check(names ...string) error {
	for _, name := range names {
		if _, err := s.find(name); err != nil {
			return err
		}
	}
	return nil
}
