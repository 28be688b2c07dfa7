package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// The two hosts of docs/operate.md: the number of each one's address, and its name.
const (
	operateFirst  = "192.0.2.1 bus.example.org bus"
	operateSecond = "192.0.2.2 app.example.org app"
)

// packageOperate follows docs/operate.md on two machines that share a network, with nothing but the packages.
func packageOperate(t *testing.T, p packages) {
	first, second := bootMachine(t, "/"), bootMachine(t, "/")
	joinMachines(t, first, second)
	for _, m := range []*machine{first, second} {
		m.sh(t, "mv "+m.copyIn(t, p.deb)+" /root/fedmsg.deb; mv "+m.copyIn(t, p.next)+" /root/fedmsg-new.deb")
	}
	followPage(t, blocks(readPage(t, "docs/operate.md")), first, second)
	holdsBugMail(t, first)
	if out := first.sh(t, "fedmsg tail --after 0 --topic '#.order.paid' --limit 2 --format terse 2>&1"); !strings.Contains(out, `"order":17`) || !strings.Contains(out, `"order":18`) {
		t.Errorf("of the second host the first one has\n%s", out)
	}
}

// packageMails follows docs/operate.md from the package to Debian's bug mails on a bare Debian, which has nothing else.
func packageMails(t *testing.T, p packages) {
	m := bootMachine(t, debianRoot(t))
	m.sh(t, "mv "+m.copyIn(t, p.deb)+" /root/fedmsg.deb")
	page := readPage(t, "docs/operate.md")
	followPage(t, append(blocks(section(t, page, "Install")), blocks(section(t, page, "Debian's mails"))...), m, nil)
	holdsBugMail(t, m)
}

// section gives what stands below a heading of a page.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(page, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("the page has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// bugMail is what subscribers of Debian's bug tracker get for a new bug.
const bugMail = `Subject: Bug#1090007: hello: does not greet
From: Ann Example <ann@example.org>
To: submit@bugs.debian.org
Date: Sat, 21 Nov 2026 12:00:00 +0000
Message-ID: <20261121120000.1@mail.example.org>
X-Debian-PR-Message: report 1090007
X-Debian-PR-Package: hello
X-Debian-PR-Source: hello

Package: hello
Version: 2.10-3
Severity: normal

It says nothing at all.
`

// handOverMail hands the mail to the node as the machine's mail server does.
func handOverMail(t *testing.T, m *machine) {
	t.Helper()
	python := fedmsgtest.Tool(t, "/usr/bin/python3")
	mail := filepath.Join(t.TempDir(), "mail")
	if err := os.WriteFile(mail, []byte(bugMail), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nsenter", "-t", strconv.Itoa(m.init), "-n", "--", python, "testdata/sendmails.py", "lmtp://127.0.0.1:2424", mailRecipient, mail)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, m.service())
	}
}

// holdsBugMail holds that the mail is a message.
func holdsBugMail(t *testing.T, m *machine) {
	t.Helper()
	out := m.sh(t, "fedmsg tail --since 1h --topic 'org.debian.prod.debmessenger.bug.#' --limit 1 --format json")
	for _, want := range []string{`"topic":"org.debian.prod.debmessenger.bug.report"`, `"nb":"1090007"`, `"email":"ann@example.org"`, "It says nothing at all."} {
		if !strings.Contains(out, want) {
			t.Errorf("the bug mail is without %s:\n%s", want, out)
		}
	}
}

// followPage runs the blocks of a page, each run of blocks for one machine in one shell there: "sh" on the first, "sh second" on the
// second; "sh mails" when a mail has come; of "sh copy" each line copies files from the first to the second, as scp would.
func followPage(t *testing.T, page []block, first, second *machine) {
	t.Helper()
	for len(page) > 0 {
		n := 1
		for n < len(page) && page[n].info == page[0].info {
			n++
		}
		some := make([]block, n)
		copy(some, page[:n])
		page = page[n:]
		m := first
		switch some[0].info {
		case "sh":
		case "sh second":
			m = second
		case "sh mails":
			handOverMail(t, first)
		case "sh copy":
			copyBetween(t, some[0].text, first, second)
			continue
		default:
			continue
		}
		for i := range some {
			some[i].info = "sh"
		}
		out := m.sh(t, "cd /root\n"+script(some))
		t.Log(out)
	}
}

// copyBetween does what lines of the form "scp FILE… HOST:DIRECTORY" say.
func copyBetween(t *testing.T, lines string, first, second *machine) {
	t.Helper()
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		_, dir, found := strings.Cut(words[len(words)-1], ":")
		if words[0] != "scp" || !found {
			t.Fatalf("not a copy: %s", line)
		}
		for _, file := range words[1 : len(words)-1] {
			text := readFile(t, first.root+file)
			if err := os.WriteFile(filepath.Join(second.root, dir, filepath.Base(file)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// joinMachines gives two machines a network of their own with the addresses and names of docs/operate.md.
func joinMachines(t *testing.T, first, second *machine) {
	t.Helper()
	ip := fedmsgtest.Tool(t, "ip")
	a, b := "fm"+strconv.Itoa(first.init), "fm"+strconv.Itoa(second.init)
	if out, err := exec.Command(ip, "link", "add", a, "netns", strconv.Itoa(first.init), "type", "veth", "peer", "name", b, "netns", strconv.Itoa(second.init)).CombinedOutput(); err != nil {
		fedmsgtest.Missing(t, "network devices that can be made (veth): "+err.Error()+" "+string(out))
	}
	for _, host := range []struct {
		*machine
		device, name string
	}{{first, a, operateFirst}, {second, b, operateSecond}} {
		f := strings.Fields(host.name)
		host.sh(t, "ip address add "+f[0]+"/24 dev "+host.device+"; ip link set "+host.device+" up; hostname "+f[2]+
			"; printf '%s\\n' '127.0.0.1 localhost' '"+operateFirst+"' '"+operateSecond+"' > /etc/hosts")
	}
}
