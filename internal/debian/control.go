package debian

import (
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// Control is the transcript of commands to the bug tracker.
type Control struct {
	From     string           `json:"from"`
	Person   *mailmsg.Address `json:"person,omitempty"` // who sent the commands
	Packages []string         `json:"packages"`         // as in [Bug]
	Against  []string         `json:"against"`
	Bugs     []Concerned      `json:"bugs"` // by number
	Commands []Command        `json:"commands"`
	Errors   int              `json:"errors"`        // how many commands failed
	Cut      bool             `json:"cut,omitempty"` // the transcript goes on
	Mail     Source           `json:"mail"`
}

// Concerned is a bug that commands were about.
type Concerned struct {
	Nb      string `json:"nb"`
	Package string `json:"package,omitempty"`
	Title   string `json:"title,omitempty"`
	Done    string `json:"done,omitempty"` // who closed it
}

// Command is one command, without remarks and what ends the commands.
type Command struct {
	Command string   `json:"command"`
	Nb      []string `json:"nb,omitempty"` // the bugs that the tracker named in its answer
	Answer  []string `json:"answer,omitempty"`
}

// control reads a transcript. The tracker writes it to who sent the commands, so that is the person.
func control(m *mailmsg.Mail) *Control {
	against, sources := names(m.Header.Text("X-Debian-PR-Package")), names(m.Header.Text("X-Debian-PR-Source"))
	c := &Control{
		From: sender(m), Person: firstOf(m.Header.Addresses("To")), Packages: concerned(sources, against), Against: against,
		Bugs: []Concerned{}, Commands: []Command{}, Mail: source(m),
	}
	if _, n, ok := strings.Cut(m.Subject, "Processed (with "); ok {
		c.Errors, _ = number(n)
	}
	script, whole := m.Text(maxScript)
	c.Cut = !whole
	r := transcript{bugs: make(map[int]Concerned)}
	for line := range strings.SplitSeq(script, "\n") {
		r.line(line)
	}
	c.Commands = append(c.Commands, r.commands...)
	numbers := make([]int, 0, len(r.bugs))
	for n := range r.bugs {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		c.Bugs = append(c.Bugs, r.bugs[n])
	}
	return c
}

// transcript is what was read of one so far.
type transcript struct {
	commands []Command
	open     bool // the last command is being answered
	bugs     map[int]Concerned
}

// line reads the next line.
func (t *transcript) line(line string) {
	if command, ok := strings.CutPrefix(line, "> "); ok {
		t.command(strings.TrimSpace(command))
		return
	}
	switch n, rest := number(line); {
	case n > 0 && strings.HasPrefix(rest, ": http"): // the list at the end
		t.bug(Concerned{Nb: text(n)}, n)
		return
	case strings.HasPrefix(line, "Bug"):
		if t.named(line) {
			return
		}
	case strings.HasSuffix(strings.ToLower(line), "topping processing here."), strings.TrimSpace(line) == "--", line == ">":
		t.open = false
	}
	if line = strings.TrimSpace(line); t.open && line != "" {
		last := &t.commands[len(t.commands)-1]
		if len(last.Answer) < 100 {
			last.Answer = append(last.Answer, line)
		}
	}
}

// command begins a command. Remarks are none, and neither is what ends the commands.
func (t *transcript) command(command string) {
	t.open = false
	word, _, _ := strings.Cut(strings.ToLower(command), " ")
	switch strings.TrimRight(word, ".,!") {
	case "", "thanks", "thank", "thankyou", "stop", "quit", "--":
		return
	}
	if command[0] == '#' || len(t.commands) >= maxNames {
		return
	}
	t.open = true
	t.commands = append(t.commands, Command{Command: command})
	if rest, ok := strings.CutPrefix(word, "usertag"); ok && len(rest) < 2 { // whose answer names no bug
		_, argument, _ := strings.Cut(command, " ")
		if n, _ := number(strings.TrimSpace(argument)); n > 0 {
			t.bug(Concerned{Nb: text(n)}, n)
		}
	}
}

// named reads a line that names a bug: Bug #N {Done: WHO} [PACKAGE] TITLE, or Bug#N: TITLE as it was once. Of a clone, only the number
// of the new bug is read, and the line is an answer.
func (t *transcript) named(line string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "Bug"), " "), "#")
	n, rest := number(rest)
	if n == 0 {
		return false
	}
	if _, clones, ok := strings.Cut(rest, " cloned as bug"); ok {
		t.cloned(strings.TrimLeft(clones, "s "))
		return false
	}
	old := strings.HasPrefix(line, "Bug#")
	if !old && !strings.HasPrefix(line, "Bug #") {
		return false
	}
	b := Concerned{Nb: text(n)}
	rest = strings.TrimSpace(strings.TrimPrefix(rest, ":"))
	if done, ok := strings.CutPrefix(rest, "{Done: "); ok {
		b.Done, rest, _ = strings.Cut(done, "}")
		rest = strings.TrimSpace(rest)
	}
	if inside, ok := strings.CutPrefix(rest, "["); ok && !old {
		b.Package, rest, _ = strings.Cut(inside, "]")
	}
	b.Title = strings.TrimSpace(rest)
	t.bug(b, n)
	if t.open {
		last := &t.commands[len(t.commands)-1]
		if nb := text(n); !slices.Contains(last.Nb, nb) && len(last.Nb) < maxNames {
			last.Nb = append(last.Nb, nb)
		}
	}
	return true
}

// cloned reads the numbers of clones: 5, 7-9, and 12.
func (t *transcript) cloned(clones string) {
	for _, word := range names(clones) {
		first, rest := number(word)
		last, _ := number(strings.TrimPrefix(rest, "-"))
		for n := first; n > 0 && n <= max(first, min(last, first+100)); n++ {
			t.bug(Concerned{Nb: text(n)}, n)
		}
	}
}

// bug notes a bug; what is said of it last is what counts, where anything is said.
func (t *transcript) bug(b Concerned, n int) {
	if old, known := t.bugs[n]; known && b.Title == "" {
		b = old
	}
	if len(t.bugs) < maxNames {
		t.bugs[n] = b
	}
}
