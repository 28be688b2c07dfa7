package main

import "strings"

// command is a verb as `fedmsg commands` tells of it.
type command struct {
	Use, Short, Long, Example string
	Hidden                    bool
	Flags                     []flagText
	Commands                  []command
}

// flagText is one of its flags.
type flagText struct {
	Name, Shorthand, Type, Default, Bare, Usage string
	Inherited                                   bool
}

// name is the verb alone, without the words that go after it.
func (c *command) name() string {
	name, _, _ := strings.Cut(c.Use, " ")
	return name
}

// words are those that go after it.
func (c *command) words() string {
	_, words, _ := strings.Cut(c.Use, " ")
	return strings.TrimSpace(strings.TrimSuffix(words, "[flags]"))
}

// isOldName tells of a name under which the program is called alone, though it stands among the verbs.
func (c *command) isOldName() bool { return c.Hidden && strings.HasPrefix(c.name(), "fedmsg-") }

// page is a manual page: of a verb, of an old name, or of both.
type page struct {
	name   string   // as in fedmsg-log-info
	call   string   // how it is called, as in fedmsg log info
	verb   *command // or the old name, where no verb has it
	old    *command // the old name that is called like the verb; nil for none
	flags  []flagText
	parent string // name of the page above; empty: none
}

// pages lists all pages, the program's first.
func pages(root *command) []*page {
	all := below(nil, root, "", "", nil)
	byName := make(map[string]*page, len(all))
	for _, p := range all {
		byName[p.name] = p
	}
	for i := range root.Commands {
		c := &root.Commands[i]
		switch p := byName[c.name()]; {
		case !c.isOldName():
		case p != nil:
			p.old = c
		default:
			all = append(all, &page{name: c.name(), call: c.name(), verb: c, flags: c.Flags, parent: root.name()})
		}
	}
	return all
}

// below adds the page of a verb and of those below it. inherited are the flags that the verbs above hand down.
func below(all []*page, c *command, parent, call string, inherited []flagText) []*page {
	p := &page{verb: c, parent: parent, call: strings.TrimSpace(call + " " + c.name())}
	p.name = strings.ReplaceAll(p.call, " ", "-")
	p.flags = append(append(p.flags, c.Flags...), inherited...)
	for _, f := range c.Flags {
		if f.Inherited {
			inherited = append(inherited[:len(inherited):len(inherited)], f)
		}
	}
	all = append(all, p)
	for i := range c.Commands {
		if sub := &c.Commands[i]; !sub.Hidden && sub.name() != "help" {
			all = below(all, sub, p.name, p.call, inherited)
		}
	}
	return all
}
