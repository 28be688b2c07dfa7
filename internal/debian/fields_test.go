package debian_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// event reads what a mail of testdata/own announces.
func event(t *testing.T, file string) debian.Event {
	t.Helper()
	_, events := debian.Classify(parse(t, "testdata/own/"+file))
	if len(events) != 1 {
		t.Fatalf("%s announces %d events", file, len(events))
	}
	return events[0]
}

// holds compares fields of an object with what they must be.
func holds(t *testing.T, file string, body map[string]any, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if got := body[name]; !reflect.DeepEqual(got, value) {
			t.Errorf("%s: %s is %#v, want %#v", file, name, got, value)
		}
	}
}

// TestUploadFields holds what is published of an upload: the .changes under its own names, and where it went.
func TestUploadFields(t *testing.T) {
	t.Parallel()
	const file = "accepted-devel-changes.eml"
	e := event(t, file)
	holds(t, file, object(t, e.Body), map[string]any{
		"Format": "1.8", "Source": "rsync", "Version": "3.2.7-1", "Distribution": "unstable", "Urgency": "medium", "Architecture": "source",
		"Maintainer": "Team <team@example.org>", "Changed-By": "Samuel H. <sh@example.org>", "Closes": "1000001 1000002",
		"Changes": "\n rsync (3.2.7-1) unstable; urgency=medium\n .\n   * Change.", "action": "accepted", "suite": "unstable", "text": nil, "cut": nil,
		"Files":            []any{map[string]any{"md5sum": strings.Repeat("0", 32), "size": "10", "section": "misc", "priority": "optional", "name": "rsync.dsc"}},
		"Checksums-Sha256": []any{map[string]any{"sha256": strings.Repeat("0", 64), "size": "10", "name": "rsync.dsc"}},
	})
	if m := e.Body.(*debian.Upload).Mail; m.Subject != "Accepted rsync 3.2.7-1 (source) into unstable" || m.List != "debian-devel-changes.lists.debian.org" || m.MessageID == "" {
		t.Errorf("the mail is %+v", m)
	}
	if e.Signed == nil || !e.Signed.Clear || !strings.HasPrefix(e.Signed.Text, "Format: 1.8\n") {
		t.Errorf("the signed text is %+v", e.Signed)
	}
	if e := event(t, "accepted-unsigned.eml"); e.Signed != nil {
		t.Errorf("what nobody signed comes with the text %q", e.Signed.Text)
	}
	for file, suite := range map[string]string{
		"accepted-security.eml": "stable-security->embargoed, stable-security", "accepted-proposed.eml": "proposed-updates->stable-new, proposed-updates",
		"removed-source.eml": "unstable",
	} {
		holds(t, file, object(t, event(t, file).Body), map[string]any{"suite": suite})
	}
	holds(t, "rejected-manual.eml", object(t, event(t, "rejected-manual.eml").Body), map[string]any{
		"text": "Hi,\n\nplease mention all copyright holders in debian/copyright.\n\n  Thorsten", "changes_file": "gnomeish_1.0-1_amd64.changes",
	})
}

// TestSignedFieldsAlone holds that nothing from outside of a signed .changes is taken for a part of it.
func TestSignedFieldsAlone(t *testing.T) {
	t.Parallel()
	m, err := mailmsg.Parse([]byte("X-DAK: dak process-upload\nDebian-Version: 6\nDebian-Source: evil\nDebian-Architecture: source\n"+
		"Subject: Accepted evil 6 (source) into unstable\n\n"+
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nFormat: 1.8\nChanged-By: Ann <ann@example.org>\nChanges:\n x\n"+
		"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"), mailmsg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	_, events := debian.Classify(m)
	holds(t, "forged", object(t, events[0].Body), map[string]any{"Source": "", "Version": "", "Architecture": nil, "packages": []any{}})
}

// TestBugFields holds what is published of mails to bugs.
func TestBugFields(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]map[string]any{
		"report-patch-attached.eml": {
			"from": "Amara Okafor <amara@example.org>", "source": "nginx", "package": "src:nginx", "tags": []any{"patch", "ftbfs"}, "type": "report",
			"nb": "1065002", "title": "nginx FTBFS", "content": "\nSource: nginx\nVersion: 1.24.0-2\nTags: patch\n\nsee attached"[1:],
			"patches":     []any{"--- a/debian/rules\n+++ b/debian/rules\n@@ -1 +1 @@\n-a\n+b\n"},
			"attachments": []any{map[string]any{"name": "fix.diff", "type": "text/x-diff", "size": 77.0}}, "against": []any{"src:nginx"},
		},
		"report-clear-signed.eml":  {"content": "Package: openssh-server\nVersion: 1:9.2p1-2+deb12u2\nSeverity: grave\n\nIt stopped.\n", "patches": []any{}},
		"report-pgp-mime.eml":      {"content": "Package: mutt\nVersion: 2.2.12-0.1~deb12u1\n\ncrash", "attachments": nil},
		"report-html-only.eml":     {"content": "", "title": "gimp: <b>slow</b>"},
		"report-two-packages.eml":  {"source": nil, "package": nil, "against": []any{"src:linux", "firmware-iwlwifi"}},
		"report-no-version.eml":    {"source": nil, "package": "wnpp", "version": nil},
		"followup-koi8.eml":        {"title": "vim: ошибка", "content": "привет\n"},
		"followup-gbk.eml":         {"title": "ibus: 输入", "content": "你好\n"},
		"closed-by-upload.eml":     {"from": `"Debian Bug Tracking System" <owner@bugs.debian.org>`, "title": "curl: fails", "type": "closed"},
		"closed-done-version.eml":  {"title": "sudo: (parens) in title", "content": "Version: sudo/1.9.15p5-3\n\nfixed\n"},
		"they-closed.eml":          {"title": "tmux: colours", "content": "Version: 3.3a-5\n\ndone\n"},
		"they-closed-control.eml":  {"title": "screen: beeps", "type": "closed"},
		"forwarded.eml":            {"title": "zsh: completion", "type": "forwarded"},
		"followup-no-person.eml":   {"person": nil, "from": ""},
		"closed-by-upload-old.eml": {"content": "We believe that the bug you reported is fixed in the latest version of\nbash, which is due to be installed in the Debian FTP archive:\n"},
	} {
		holds(t, file, object(t, event(t, file).Body), want)
	}
}

// TestControlFields holds what is published of commands to the bug tracker.
func TestControlFields(t *testing.T) {
	t.Parallel()
	const want = `{"from":"\"Debian Bug Tracking System\" <owner@bugs.debian.org>","person":{"name":"Mika Maker","email":"mika@example.fi"},` +
		`"packages":["bar","foo"],"against":["src:foo","libbar1"],"bugs":[{"nb":"1065401","package":"src:foo","title":"foo: breaks"},` +
		`{"nb":"1065402","package":"src:foo","title":"foo: broken","done":"Bo <bo@example.org>"},{"nb":"1065490","package":"src:foo","title":"foo: breaks"},` +
		`{"nb":"1065491"},{"nb":"1065492"},{"nb":"1065499"}],"commands":[{"command":"clone 1065401 -1 -2 -3 -4","nb":["1065401"],` +
		`"answer":["Bug 1065401 cloned as bugs 1065490-1065492 and 1065499"]},` +
		`{"command":"reassign -1 libbar1 2.0-1","nb":["1065490"],"answer":["Bug reassigned from package 'src:foo' to 'libbar1'."]},` +
		`{"command":"forcemerge 1065401 1065402","nb":["1065401","1065402"],"answer":["Merged 1065401 1065402"]}],"errors":0}`
	got := object(t, event(t, "transcript-clone-merge.eml").Body)
	delete(got, "mail")
	var o map[string]any
	if err := json.Unmarshal([]byte(want), &o); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, o) {
		t.Errorf("got  %v\nwant %v", got, o)
	}
	holds(t, "errors", object(t, event(t, "transcript-errors.eml").Body), map[string]any{"errors": 3.0})
	holds(t, "remarks", object(t, event(t, "transcript-pseudo.eml").Body), map[string]any{"commands": []any{map[string]any{
		"command": "retitle 1065410 unblock: glibc/2.37-15", "nb": []any{"1065410"}, "answer": []any{"Changed Bug title to 'unblock: glibc/2.37-15' from 'unblock: glibc'."},
	}}})
}

// TestListFields holds that of other lists the thread is published, and nothing that was said.
func TestListFields(t *testing.T) {
	t.Parallel()
	body := object(t, event(t, "list-reply.eml").Body)
	holds(t, "list-reply.eml", body, map[string]any{
		"list": "debian-devel.lists.debian.org", "from": "\"Désirée\" <d@example.org>", "subject": "Re: practice", "thread": "l0@example.org",
		"in_reply_to": []any{"l1@example.org"}, "references": []any{"l0@example.org", "l1@example.org"},
	})
	if written := fmt.Sprint(body); strings.Contains(written, "yes") {
		t.Errorf("what was said is published: %s", written)
	}
	holds(t, "list.eml", object(t, event(t, "list.eml").Body), map[string]any{"thread": "l1@example.org"})
}

// TestCut holds that what is too long is cut, that the event says so, and that it stays far below the limit of a message's body.
func TestCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456 ", 1<<18) // 2 MiB
	many := strings.Repeat(" 00000000000000000000000000000000 1 misc optional a.deb\n", 40_000)
	for name, c := range map[string]struct{ raw, flag string }{
		"content":    {"X-Debian-PR-Message: report 1\n\n" + long, "content_cut"},
		"transcript": {"X-Debian-PR-Message: transcript\n\n" + strings.Repeat("> close 1\nBug #1 [x] y\n", 1<<16), "cut"},
		"rejected":   {"X-DAK: DAK\nSubject: a_1_all.changes REJECTED\n\n" + long, "cut"},
		"changes":    {"X-DAK: DAK\nSubject: Accepted a 1\n\nFormat: 1.8\nChanges:\n x\nFiles:\n" + many, "cut"},
		"names":      {"X-Debian-PR-Message: report 1\nX-Debian-PR-Package: " + strings.Repeat("aaaaaaa bbbbbbb ", 1<<13) + "\n\n" + long, "content_cut"},
	} {
		m, err := mailmsg.Parse([]byte(c.raw), mailmsg.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		_, events := debian.Classify(m)
		data, err := json.Marshal(events[0].Body)
		if err != nil {
			t.Fatal(err)
		}
		if body := object(t, events[0].Body); body[c.flag] != true || len(data) > 700<<10 {
			t.Errorf("%s: %d bytes, %s is %v", name, len(data), c.flag, body[c.flag])
		}
	}
}
