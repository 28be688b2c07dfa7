package history

import (
	"fmt"
	"strings"
)

// common are the commonest words, in about the order in which they come.
const common = `the to for of and a in is update new package build fix this version from with that not on it release be bump are
error test file when add by as has bug failed been at fedora have was use if or but you can should an rebuild change request more
support code system no patch will issue now upstream library source default changes report latest crash after user all link tests make
need remove does only config run still into branch work python set install other one also than please kernel so list which problem time
service using set option just there some license server some require requires dependency command working review any seen their docs
since missing without what output then path memory enable disable first before data name type script module upgrade systemd cannot
message output reason security between both line same could push karma stable testing older fixes stack trace reported network because
compiler warning driver boot desktop graphics policy selinux container image mirror mailing archive repository branch commit merge author
translation string font screen keyboard audio video session login password certificate signature key checksum tarball debug symbol thread
process signal socket timeout connection address port proxy cache index table query page button window icon menu dialog wizard
documentation manual example tutorial header footer buffer overflow leak segmentation fault assertion abort exit status zero negative
regression workaround backport cherry pick revert rebase conflict deprecated obsolete orphan retired unretired maintainer sponsor steward
announce meeting minutes agenda vote election council board committee proposal draft accepted rejected deferred freeze beta alpha final
candidate blocker exception criteria matrix validation coverage nightly compose tree variant architecture endian float integer pointer`

// vocabulary gives all words: the common ones, and made-up ones behind them.
func vocabulary() []string {
	words, seen := make([]string, 0, Words), make(map[string]bool)
	add := func(w string) {
		if !seen[w] {
			words, seen[w] = append(words, w), true
		}
	}
	for w := range strings.FieldsSeq(common) {
		add(w)
	}
	for i := 0; len(words) < Words; i++ {
		add(word(i))
	}
	return words
}

// Word gives word i of Words, the commonest first.
func (h *History) Word(i int) string { return h.vocabulary[i] }

// word makes up a word that can be said; others have other numbers.
func word(i int) string {
	const consonants, vowels = "bdfghklmnprstvz", "aeiou"
	var b []byte
	for n := i; n > 0 || len(b) < 4; {
		b = append(b, consonants[n%len(consonants)])
		n /= len(consonants)
		b = append(b, vowels[n%len(vowels)])
		n /= len(vowels)
	}
	return string(b)
}

// User gives the name of user i of Users, the busiest first.
func User(i int) string {
	if i%3 == 0 {
		return word(i*7 + 11)
	}
	return word(i*7+11) + fmt.Sprint(60+i%40)
}

// Package gives the name of package i of Packages, the busiest first.
func Package(i int) string {
	name := word(i*5 + 3)
	switch i % 10 {
	case 0, 1, 2:
		return "python-" + name
	case 3, 4:
		return "rust-" + name
	case 5:
		return "perl-" + name + "-" + word(i%97)
	case 6:
		return "lib" + name
	case 7:
		return "golang-github-" + word(i%53) + "-" + name
	}
	return name
}

// services are those of [Service], the busiest first.
var services = [Services]string{
	"buildsys", "bodhi", "git", "copr", "pagure", "bugzilla", "mailman", "koschei", "openqa", "ci", "github", "pungi",
	"wiki", "anitya", "fedbadges", "meetbot", "fedocal", "hotness", "planet", "fas", "askbot", "irc", "trac", "nagios",
	"jenkins", "odcs", "mbs", "pdc", "pkgdb", "releng", "taskotron", "autocloud", "zanata", "waiverdb", "greenwave",
	"resultsdb", "compose", "infragit", "nuancier", "mdapi", "mirrormanager", "summershum", "kerneltest", "logger",
	"datanommer", "fedimg", "faf", "rats", "elections", "tagger", "ansible", "discourse", "forgejo", "matrix", "testdays",
	"packit", "sources", "maintainers", "calendar", "vault",
}

// Service gives the name of service i of Services.
func Service(i int) string { return services[i] }

// Topic gives topic i of Topics, the busiest first.
func Topic(i int) string {
	objects := [...]string{"build", "update", "task", "repo", "comment", "issue", "test", "tag", "user", "project"}
	events := [...]string{"change", "complete", "start", "new", "edit", "delete", "request", "approve", "receive", "state"}
	env := "prod"
	if i%17 == 16 {
		env = "stg"
	}
	service, n := Service(i%Services), i/Services // of the 50 of the service
	return "org.fedoraproject." + env + "." + service + "." + objects[n%len(objects)] + "." + events[(n/len(objects)+n)%len(events)]
}
