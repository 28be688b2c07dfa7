package mailtrust

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/debian"
)

// TestDoubleFrom holds that a mail with two senders has no sender who is covered: neither when the second was added to a signed mail,
// before or behind the first, nor when both were signed.
func TestDoubleFrom(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	want := whole(s)
	want.Aligned, want.Covers = false, without(want.Covers, "from")
	signed := signTags(t, s, text, map[string]string{"h": "from:to:subject:date:message-id:list-id:content-type"})
	expect(t, "before the signature", one(t, "From: eve@example.net\r\n"+signed), want)
	expect(t, "of the same domain", one(t, "From: eve@example.org\r\n"+signed), want)
	expect(t, "twice the same", one(t, "From: Ann <ann@example.org>\r\n"+signed), want)
	expect(t, "both signed", one(t, signTags(t, s, "From: eve@example.org\r\n"+text, nil)), want)
	expect(t, "two in one field", one(t, signTags(t, s, strings.Replace(text, "Ann <ann@example.org>", "ann@example.org, eve@example.org", 1), nil)), want)
	expect(t, "nobody", one(t, signTags(t, s, strings.Replace(text, "From: Ann <ann@example.org>\r\n", "", 1), nil)), want)
	if got := one(t, strings.Replace(signed, "\r\nTo:", "\r\nFrom: eve@example.net\r\nTo:", 1)); got.Result != fail {
		t.Errorf("behind the first one: %+v", got)
	}
	if got := one(t, "From: eve@example.net\r\n"+signTags(t, s, text, nil)); got.Result != fail {
		t.Errorf("to a mail whose signer signed that there is only one: %+v", got)
	}
}

// TestReplay holds that a mail that is sent on with other fields gets no more than what its signer signed: what was added is not
// covered, nor is what was there, for a reader cannot tell the two apart.
func TestReplay(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	signed := signTags(t, s, text, map[string]string{"h": "from:to:subject:date:message-id:content-type"})
	want := whole(s)
	want.Covers = without(want.Covers, "list-id")
	expect(t, "as it was signed", one(t, signed), want)
	expect(t, "fields that mean nothing here", one(t, "Received: by eve.example.net\r\nX-Note: x\r\n"+signed), want)
	for _, name := range []string{"To", "Subject", "Date", "Message-ID"} {
		less := want
		less.Covers = without(want.Covers, strings.ToLower(name))
		expect(t, "another "+name, one(t, name+": eve@example.net\r\n"+signed), less)
	}
	expect(t, "fields that were not there", one(t, "Sender: eve@example.net\r\nX-Debian-PR-Message: report 1\r\nX-Debian-PR-Package: dpkg\r\nX-DAK: dak\r\n"+signed), want)
	expect(t, "another list", one(t, strings.Replace(signed, "<all.lists", "<other.lists", 1)), want)
}

// TestBodyMeaning holds that a body is covered only together with what tells how to read it.
func TestBodyMeaning(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	signed := signTags(t, s, text, map[string]string{"h": "from:to:subject:date:message-id:list-id:content-type"})
	expect(t, "as it was signed", one(t, signed), whole(s))
	want := whole(s)
	want.Body = bodyNone
	for _, added := range []string{
		"Content-Type: multipart/mixed; boundary=x", "Content-Transfer-Encoding: base64", "Content-Disposition: attachment",
	} {
		expect(t, added, one(t, added+"\r\n"+signed), want)
	}
	expect(t, "a type that was not signed", one(t, signTags(t, s, text, map[string]string{"h": "from:to:subject:date:message-id:list-id"})), want)
}

// TestFieldsReadOtherwise holds that a field is not covered that is read in another way than it was signed: cut, or in a charset that
// nobody signed; and that no body is covered where that is so of what tells how to read it.
func TestFieldsReadOtherwise(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	tags := map[string]string{"h": "from:to:subject:date:message-id:list-id:content-type"}
	blanks := strings.Repeat(" ", 70_000)
	less := whole(s)
	less.Covers = without(less.Covers, "subject")
	expect(t, "a subject that is cut", one(t, signTags(t, s, strings.Replace(text, "a  folded", "a"+blanks+"folded", 1), tags)), less)
	expect(t, "blanks put into it", one(t, strings.Replace(signTags(t, s, text, tags), "a  folded", "a"+blanks+"folded", 1)), less)
	none := whole(s)
	none.Body = bodyNone
	expect(t, "a type that is cut", one(t, strings.Replace(signTags(t, s, text, tags), "text/plain", blanks+"text/plain", 1)), none)
	other := map[string]string{"h": "from:to:subject:date:message-id:list-id"}
	for subject, want := range map[string]debian.DKIM{"caf\xe9": less, "café": whole(s)} {
		mail := strings.Replace(text, "a  folded", subject, 1)
		expect(t, "how it is read is signed: "+subject, one(t, signTags(t, s, mail, tags)), whole(s))
		want.Body = bodyNone
		expect(t, "how it is read is not signed: "+subject, one(t, signTags(t, s, mail, other)), want)
		expect(t, "a charset that is cut off: "+subject, one(t, strings.Replace(signTags(t, s, mail, tags), "text/plain", blanks+"text/plain", 1)), want)
		expect(t, "another charset: "+subject, one(t, "Content-Type: text/plain; charset=iso-8859-7\r\n"+signTags(t, s, mail, tags)), want)
	}
}

// TestLength holds that a signature over the beginning of a body (l=) never covers the body: anybody may go on with it.
func TestLength(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	body := "Hello all,\r\n\r\nthis is it.\r\n"
	want := whole(s)
	want.Body = bodyPart
	for _, n := range []int{0, 5, len(body)} {
		signed := signTags(t, s, text, upTo(n, body))
		expect(t, "as it was signed", one(t, signed), want)
		expect(t, "with more behind", one(t, signed+"and give eve the keys\r\n"), want)
	}
	signed := signTags(t, s, text, upTo(len(body), body))
	expect(t, "cut", one(t, strings.Replace(signed, "this is \t it. ", "this", 1)), debian.DKIM{Result: fail, Domain: s.domain, Selector: s.selector})
	expect(t, "changed", one(t, strings.Replace(signed, "this is", "that is", 1)), debian.DKIM{Result: fail, Domain: s.domain, Selector: s.selector})
	long := signTags(t, s, text, map[string]string{"l": "10000"})
	expect(t, "shorter than it says", one(t, long), debian.DKIM{Result: fail, Domain: s.domain, Selector: s.selector})
}

// TestHeadersReadDifferently holds that nothing is said of a mail whose header other programs end elsewhere: what comes before a line
// that is no field could be somebody else's header, and the signed one its body.
func TestHeadersReadDifferently(t *testing.T) {
	t.Parallel()
	signed := signTags(t, &keys()[1], text, nil)
	for what, mail := range map[string]string{
		"a line that is no field":     "DKIM-Signature: x\r\nFrom: eve@example.net\r\nno field\r\n" + signed,
		"a line of blanks":            "DKIM-Signature: x\r\nFrom: eve@example.net\r\n \r\n" + signed,
		"a field without a name":      "DKIM-Signature: x\r\n: x\r\n" + signed,
		"a name with a blank":         "DKIM-Signature: x\r\nFrom me: x\r\n" + signed,
		"a carriage return":           strings.Replace(signed, "Subject: a", "X: y\rSubject: b\r\nSubject: a", 1),
		"a carriage return in front":  "DKIM-Signature: x\r\nX: y\r\r\n" + signed,
		"one in the body":             signed + "x\r",
		"a second mailbox's line":     "From x\r\nDKIM-Signature: x\r\nFrom y\r\n" + signed,
		"a field that begins with it": "From x\nFrom y\nDKIM-Signature: x\r\n" + signed,
	} {
		for _, d := range check(t, dns(), mail) {
			if d.Result != permError && d.Result != none || d.Covers != nil || d.Body != "" || d.Aligned {
				t.Errorf("%s: %+v", what, d)
			}
		}
	}
}

// TestInjectedHeader holds that line breaks within encoded words of a signed mail make no fields, and fields behind the header none
// either.
func TestInjectedHeader(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	mail := strings.Replace(text, "a  folded", "=?utf-8?q?a=0D=0AFrom:_eve=40example.net=0D=0A?= folded", 1)
	expect(t, "in an encoded word", one(t, signTags(t, s, mail, nil)), whole(s))
	expect(t, "in the body", one(t, signTags(t, s, strings.Replace(text, "\r\n\r\n", "\r\n\r\nFrom: eve@example.net\r\n", 1), nil)), debian.DKIM{
		Result: pass, Domain: s.domain, Selector: s.selector, Aligned: true, Body: bodyWhole, Covers: whole(s).Covers,
	})
	split := strings.Replace(signTags(t, s, text, nil), "\r\nSubject:", "\r\n\r\nSubject:", 1)
	if got := one(t, split); got.Result != fail {
		t.Errorf("a header that was ended in the middle: %+v", got)
	}
}

// TestManySignatures holds that a mail makes no more work than eight signatures do.
func TestManySignatures(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	signed := signTags(t, s, text, nil)
	own := strings.TrimSuffix(signed, text)
	all := check(t, dns(), strings.Repeat(own, 50)+text)
	if len(all) != 9 || all[7].Result != pass || all[8].Result != policy || all[8].Domain != "" {
		t.Errorf("%d statements: %+v", len(all), all)
	}
}

// TestUnsigned holds that a mail without a signature is said to have none.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	expect(t, "no signature", one(t, text), debian.DKIM{Result: none})
}
