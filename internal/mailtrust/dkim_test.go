package mailtrust

import (
	"bytes"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// TestCovered holds that mails which another program signed are covered, whatever the form, and not when anything that was signed
// is changed.
func TestCovered(t *testing.T) {
	t.Parallel()
	for _, s := range keys() {
		for _, header := range []dkim.Canonicalization{"simple", "relaxed"} {
			for _, body := range []dkim.Canonicalization{"simple", "relaxed"} {
				what := s.kind + " " + string(header) + "/" + string(body)
				signed := signWith(t, &s, text, header, body, names())
				expect(t, what, one(t, signed), whole(&s))
				expect(t, what+" with LF", one(t, strings.ReplaceAll(signed, "\r\n", "\n")), whole(&s))
				expect(t, what+" in a mailbox", one(t, "From ann Sun Nov 22 07:00:00 2026\n"+signed), whole(&s))
				expect(t, what+" and lines at the end", one(t, signed+"\r\n\r\n"), whole(&s))
				for _, change := range [][2]string{
					{"this is", "that is"}, {"Ann <ann", "Bob <ann"}, {"ann@", "bob@"}, {"subject\r\n", "subject!\r\n"}, {"07:00", "08:00"}, {"<1@", "<2@"},
					{"text/plain", "text/html"}, {"all.lists", "no.lists"}, {"bh=", "bh=AA"}, {"s=" + s.selector, "s=other"}, {"\r\n\r\nHello", "\r\n\r\n\r\nHello"},
				} {
					changed := strings.Replace(signed, change[0], change[1], 1)
					if got := one(t, changed); changed == signed || got.Result == pass || got.Covers != nil || got.Body != "" || got.Aligned {
						t.Errorf("%s, %q changed to %q: %+v", what, change[0], change[1], got)
					}
				}
			}
		}
	}
}

// TestRelaxed holds which changes the relaxed form allows and the simple one does not.
func TestRelaxed(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	for _, change := range [][2]string{
		{"a  folded\r\n\tsubject", "a folded subject"}, {"Subject: a", "SUBJECT:a"}, {"Hello  all,", "Hello all,"}, {"this is \t it. ", "this is it."},
	} {
		for form, want := range map[dkim.Canonicalization]string{"simple": fail, "relaxed": pass} {
			signed := signWith(t, s, text, form, form, names())
			if got := one(t, strings.Replace(signed, change[0], change[1], 1)); got.Result != want {
				t.Errorf("%s, %q: %s, want %s", form, change[0], got.Result, want)
			}
		}
	}
}

// TestEmptyBody holds that there is a form of nothing, which the two forms write differently.
func TestEmptyBody(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	for _, form := range []dkim.Canonicalization{"simple", "relaxed"} {
		for _, body := range []string{"", "\r\n", "\r\n\r\n", "x", "x\r\n"} {
			signed := signWith(t, s, head+"\r\n\r\n"+body, form, form, names())
			expect(t, string(form), one(t, signed), whole(s))
		}
	}
}

// example is the mail of RFC 8463, appendix A, which has two signatures; the key of each stands in the RFC.
const example = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`

// TestExample checks it.
func TestExample(t *testing.T) {
	t.Parallel()
	published := table{
		"brisbane._domainkey.football.example.com.": {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
		"test._domainkey.football.example.com.": {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08" +
			"a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
	}
	all := check(t, published, example)
	for i, selector := range []string{"brisbane", "test"} {
		expect(t, selector, all[i], debian.DKIM{
			Result: pass, Domain: "football.example.com", Selector: selector, Aligned: true, Body: bodyWhole,
			Covers: []string{"from", "to", "subject", "date", "message-id"},
		})
	}
}

// TestAnotherReading holds that no mail is covered which another program finds to be changed, over mails that are nearly as signed.
func TestAnotherReading(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	seeds := [][]byte{
		[]byte(signWith(t, s, text, "relaxed", "relaxed", names())), []byte(signWith(t, s, text, "simple", "simple", names())),
	}
	known := dns()
	ours := New(Config{Resolver: known})
	mutated(t, seeds, func(mail []byte) bool {
		m, err := mailmsg.Parse(mail, mailmsg.Limits{})
		if err != nil {
			return false
		}
		passed := 0
		for _, d := range ours.DKIM(t.Context(), mail, m) {
			if d.Result == pass {
				passed++
			}
		}
		others, err := dkim.VerifyWithOptions(bytes.NewReader(mail), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			return known.LookupTXT(t.Context(), name+".")
		}})
		theirs := 0
		for _, v := range others {
			if v.Err == nil {
				theirs++
			}
		}
		if passed > theirs {
			t.Errorf("%d signatures are good, and another program says %d (%v)", passed, theirs, err)
		}
		return passed > 0 || theirs == 0
	})
}

// TestBodyHashedOnce holds that a body is read once for each form in which it was signed, and not for each signature.
func TestBodyHashedOnce(t *testing.T) {
	t.Parallel()
	x, _ := divide([]byte(text))
	for i := range maxSignatures {
		s := &signature{field: &field{}, relaxedBody: i%2 == 0, length: -1}
		if f := x.verify(s, nil); f.result != fail {
			t.Errorf("a signature of nothing: %+v", f)
		}
	}
	relaxed, _ := bodySum(x.body, true, -1)
	if h := x.sums[bodyForm{true, -1}]; len(x.sums) != 2 || h.sum != relaxed || h.short {
		t.Errorf("%d forms are kept, want 2, and of the relaxed one %+v", len(x.sums), h)
	}
}
