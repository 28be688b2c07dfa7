package process

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/debian"
)

// keyServer is a server of the DNS that has one key, and gives its address. What it is asked otherwise there is not.
func keyServer(t *testing.T, name string, key ed25519.PublicKey) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg)
		a.SetReply(q)
		if asked := q.Question[0]; asked.Name == name && asked.Qtype == dns.TypeTXT {
			record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key)
			a.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{record[:20], record[20:]}}}
		} else {
			a.Rcode = dns.RcodeNameError
		}
		w.WriteMsg(a)
	})}
	ended := make(chan error, 1)
	go func() { ended <- s.ActivateAndServe() }()
	t.Cleanup(func() {
		s.Shutdown()
		<-ended
	})
	return pc.LocalAddr().String()
}

// TestMailTrust sends a node mails that were signed by another program: as they are, with a second sender, with more behind what was
// signed, and signed by nobody. What it publishes of each says what is covered. A mail that comes again by a door that checks nothing
// is the same message.
func TestMailTrust(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := keyServer(t, "one._domainkey.bugs.debian.org.", public)
	socket, plain := mailSocket(t), mailSocket(t)
	second := fmt.Sprintf("\n[[source]]\nname = \"plain\"\nfrom = \"lmtp+unix://%s?recipients=%s\"\ntopics = [\"org.debian.#\"]\nsign = true\n", plain, mailRecipient)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: mailListener(socket, "&dkim=yes&dns="+server) + second})
	mail := func(n int) string {
		return fmt.Sprintf("From: owner@bugs.debian.org\r\nTo: all@lists.debian.org\r\nSubject: Bug#%d: it fails\r\nMessage-ID: <%d@bugs.debian.org>\r\n"+
			"X-Debian-PR-Message: report %d\r\nX-Debian-PR-Package: dpkg\r\n\r\nIt fails.\r\n", n, n, n)
	}
	sign := func(text string) string {
		var out bytes.Buffer
		err := dkim.Sign(&out, strings.NewReader(text), &dkim.SignOptions{
			Domain: "bugs.debian.org", Selector: "one", Signer: private, HeaderKeys: []string{"From", "To", "Subject", "Message-ID"},
			HeaderCanonicalization: "relaxed", BodyCanonicalization: "relaxed",
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	covered := debian.DKIM{
		Result: "pass", Domain: "bugs.debian.org", Selector: "one", Aligned: true, Covers: []string{"from", "to", "subject", "message-id"}, Body: "whole",
	}
	twoSenders := covered
	twoSenders.Aligned, twoSenders.Covers = false, covered.Covers[1:]
	cases := map[string]struct {
		mail string
		want debian.DKIM
	}{
		"1": {sign(mail(1)), covered},
		"2": {"From: eve@example.net\r\n" + sign(mail(2)), twoSenders},
		"3": {sign(mail(3)) + "and more\r\n", debian.DKIM{Result: "fail", Reason: "the body is not the one that was signed", Domain: "bugs.debian.org", Selector: "one"}},
		"4": {mail(4), debian.DKIM{Result: "none"}},
		"5": {strings.Replace(sign(mail(5)), "s=one", "s=two", 1), debian.DKIM{Result: "permerror", Reason: "the domain has no such key", Domain: "bugs.debian.org", Selector: "two"}},
	}
	for _, door := range []string{socket, plain} {
		s := &mailServer{socket: door}
		defer s.close()
		for number, c := range cases {
			if err := s.send([]byte(strings.ReplaceAll(c.mail, "\r\n", "\n")), func() {}); err != nil {
				t.Fatalf("mail %s: %s", number, err)
			}
		}
	}
	seen := 0
	for _, e := range n.ReadAll(t) {
		var envelope struct {
			Msg debian.Bug `json:"msg"`
		}
		if e.Topic != "org.debian.dev.debmessenger.bug.report" {
			continue
		}
		if err := json.Unmarshal(e.Envelope, &envelope); err != nil {
			t.Fatal(err)
		}
		seen++
		c := cases[envelope.Msg.Nb]
		if got := envelope.Msg.Mail.DKIM; len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
			t.Errorf("mail %s: %+v, want %+v", envelope.Msg.Nb, got, c.want)
		}
	}
	if seen != len(cases) {
		t.Errorf("%d messages of %d mails", seen, len(cases))
	}
	holdNoDead(t, n, "sources", "mails")
	holdNoDead(t, n, "sources", "plain")
}
