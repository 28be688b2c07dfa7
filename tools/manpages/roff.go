package main

import (
	"bytes"
	_ "embed" // for program
	"fmt"
	"strings"
)

// program is what only the page of the program says, as roff.
//
//go:embed program.man
var program string

// edition is of which version the pages are.
type edition struct{ version, date string }

// roff writes the page in the language of man(7).
func (p *page) roff(of edition) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %s 1 %s \"fedmsg %s\" \"fedmsg\"\n", strings.ToUpper(p.name), of.date, of.version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", plain(p.name), plain(strings.ReplaceAll(p.verb.Short, "`", "")))
	synopsis(&b, p.call, p.verb, p.flags)
	b.WriteString(".SH DESCRIPTION\n")
	prose(&b, or(p.verb.Long, p.verb.Short+"."))
	p.children(&b)
	options(&b, ".SH OPTIONS\n", p.flags)
	examples(&b, ".SH EXAMPLES\n", p.verb.Example)
	p.oldName(&b)
	if p.parent == "" {
		b.WriteString(program)
		return b.Bytes()
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", plain(p.parent))
	return b.Bytes()
}

// children lists the verbs below.
func (p *page) children(b *bytes.Buffer) {
	heading := ".SH COMMANDS\n"
	for i := range p.verb.Commands {
		if c := &p.verb.Commands[i]; !c.Hidden && c.name() != "help" {
			fmt.Fprintf(b, "%s.TP\n.BR %s (1)\n%s\n", heading, plain(p.name+"-"+c.name()), spans(c.Short))
			heading = ""
		}
	}
}

// oldName tells of the old name of the program that is called like the verb.
func (p *page) oldName(b *bytes.Buffer) {
	if p.old == nil {
		return
	}
	fmt.Fprintf(b, ".SH THE OLD NAME\nCalled as\n.B %s\nthe program takes the options that the old one of this name had.\n.PP\n", plain(p.name))
	prose(b, or(p.old.Long, p.old.Short+"."))
	options(b, ".SS Options of the old name\n", p.old.Flags)
	examples(b, ".SS Examples of the old name\n", p.old.Example)
}

func synopsis(b *bytes.Buffer, call string, c *command, flags []flagText) {
	fmt.Fprintf(b, ".B %s\n", plain(call))
	if len(flags) > 0 {
		b.WriteString("[options]\n")
	}
	if words := c.words(); words != "" {
		fmt.Fprintf(b, "%s\n", plain(words))
	}
}

// options lists flags below a heading.
func options(b *bytes.Buffer, heading string, flags []flagText) {
	for _, f := range flags {
		b.WriteString(heading + ".TP\n")
		heading = ""
		if f.Shorthand != "" {
			fmt.Fprintf(b, "\\fB\\-%s\\fR, ", f.Shorthand)
		}
		fmt.Fprintf(b, "\\fB\\-\\-%s\\fR", plain(f.Name))
		if value := strings.ToUpper(strings.TrimSuffix(f.Type, "Array")); f.Type != "bool" {
			fmt.Fprintf(b, " \\fI%s\\fR", plain(value))
		}
		fmt.Fprintf(b, "\n%s\n", spans(f.Usage+f.byDefault()))
	}
}

// byDefault is what the usage of a flag says of its default where that is more than nothing.
func (f *flagText) byDefault() string {
	switch f.Default {
	case "", "false", "0", "0s", "[]":
		return ""
	}
	return " (default " + f.Default + ")"
}

func examples(b *bytes.Buffer, heading, text string) {
	if text != "" {
		b.WriteString(heading)
		laidOut(b, strings.Split(strings.TrimRight(text, "\n"), "\n"))
	}
}

func or(text, instead string) string {
	if text != "" {
		return text
	}
	return instead
}
