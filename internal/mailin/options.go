package mailin

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/bind"
	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/remote"
	"github.com/federated-messaging/fedmsg/internal/smtpd"
)

// The options of all addresses of sources whose mails a Reader reads.
const (
	readService  = "service"
	readSize     = "size"
	readParts    = "max_parts"
	readReceived = "max_received"
)

// The options of a listener.
const (
	optRecipients     = "recipients"
	optMaxRecipients  = "max_recipients"
	optMaxConnections = "max_connections"
	optMemory         = "max_memory"
	optIdle           = "idle"
	optMailTime       = "mail_time"
	optAnswerTime     = "answer_time"
	optMode           = "mode"
	optGroup          = "group"
	optPlain          = "insecure_plain_smtp"
)

// The schemes of a listener's address.
const (
	schemeLMTPUnix = "lmtp+unix"
	schemeLMTP     = "lmtp"
	schemeSMTP     = "smtp"
)

// ReaderOptions names the options with which an address says how its mails are read.
func ReaderOptions() []string {
	return []string{readService, readSize, readParts, readReceived, readDKIM, readDNS, readKeyTime, readKeyrings}
}

// WithOptions gives the reader with what the address says of [ReaderOptions]. What is wrong with single options [remote.Endpoint.Err]
// tells.
func (r Reader) WithOptions(e *remote.Endpoint) (Reader, error) {
	var err error
	r.Service = e.Option(readService, DefaultService)
	if fedmsg.DefaultLimits().CheckTopic(r.Service) != nil || strings.Contains(r.Service, ".") {
		err = fault("%s is one word of a topic, not %q", readService, r.Service)
	}
	for _, n := range []struct {
		option                 string
		value                  *int
		otherwise, least, most int
	}{
		{readSize, &r.Limits.Bytes, 20 << 20, 1 << 10, 256 << 20},
		{readParts, &r.Limits.Parts, 1000, 1, 100_000},
		{readReceived, &r.MaxReceived, defaultReceived, 1, 1000},
	} {
		*n.value = e.Number(n.option, n.otherwise, n.least, n.most)
	}
	return r, errors.Join(err, r.trust(e))
}

// parse reads the address of a listener.
func parse(c *receive.Config, r Reader) (*source, error) {
	e, err := remote.Parse(c.From, []string{schemeLMTPUnix, schemeLMTP, schemeSMTP}, append(ReaderOptions(),
		optRecipients, optMaxRecipients, optMaxConnections, optMemory, optIdle, optMailTime, optAnswerTime, optMode, optGroup, optPlain))
	if err != nil {
		return nil, err
	}
	var faults []error
	if c.Files() != (remote.Files{}) {
		faults = append(faults, fault("%s has no TLS and asks nobody who they are; credentials, ca, certificate and key are of no use here", e))
	}
	s := &source{uri: e.String(), smtp: smtpd.Config{Host: hostName(), LMTP: e.Scheme != schemeSMTP}}
	s.reader, err = r.WithOptions(e)
	faults = append(faults, err, s.reader.reaches(c.Topics))
	s.smtp.MaxBytes = s.reader.Limits.Bytes
	s.recipients, err = parseRecipients(e.Option(optRecipients, ""))
	faults = append(faults, err)
	s.limits(e)
	if wait := keyTime(e); e.Flag(readDKIM, false) && wait >= s.answer {
		faults = append(faults, fault("%s=%s is not less than %s=%s: a mail whose domain does not answer would never be taken", readKeyTime, wait, optAnswerTime, s.answer))
	}
	if e.Scheme == schemeLMTPUnix {
		faults = append(faults, s.unix(e, "source "+c.Name))
	} else {
		faults = append(faults, s.tcp(e))
	}
	return s, errors.Join(e.Err(), errors.Join(faults...))
}

// reaches refuses topics of a source among which there is none that a mail can become.
func (r *Reader) reaches(allowed []fedmsg.Pattern) error {
	for _, of := range debian.Topics() {
		if slices.ContainsFunc(allowed, func(p fedmsg.Pattern) bool { return p.Match(r.topic(of)) }) {
			return nil
		}
	}
	if len(allowed) == 0 {
		return nil // which is told otherwise
	}
	return fault("topics has none that a mail becomes: those begin with %s, so that all of it would be refused; write topics = [%q]", r.topic(""), r.topic("#"))
}

// limits reads what bounds the clients.
func (s *source) limits(e *remote.Endpoint) {
	for _, n := range []struct {
		option                 string
		value                  *int
		otherwise, least, most int
	}{
		{optMaxRecipients, &s.smtp.MaxRecipients, 100, 1, 10_000},
		{optMaxConnections, &s.smtp.MaxConnections, 100, 1, 10_000},
		{optMemory, &s.smtp.Memory, max(64<<20, s.smtp.MaxBytes), s.smtp.MaxBytes, 16 << 30},
	} {
		*n.value = e.Number(n.option, n.otherwise, n.least, n.most)
	}
	for _, d := range []struct {
		option    string
		value     *time.Duration
		otherwise time.Duration
	}{{optIdle, &s.smtp.Idle, time.Minute}, {optMailTime, &s.smtp.MailTime, 10 * time.Minute}, {optAnswerTime, &s.answer, 30 * time.Second}} {
		*d.value = e.Duration(d.option, d.otherwise, 10*time.Millisecond, time.Hour)
	}
}

// unix reads where the socket's file lies, and who may use it.
func (s *source) unix(e *remote.Endpoint, key string) error {
	mode, err := strconv.ParseUint(e.Option(optMode, "0660"), 8, 9)
	if err != nil {
		return fault("%s is the mode of a file, as 0660, not %q", optMode, e.Option(optMode, ""))
	}
	s.file = bind.File{Path: e.Path, Mode: os.FileMode(mode), Group: e.Option(optGroup, ""), Key: key}
	switch {
	case e.Host != "" || !strings.HasPrefix(e.Path, "/"):
		return fault("%s is no absolute path; write %s:///run/fedmsg/lmtp.sock, with three slashes", e, schemeLMTPUnix)
	case e.Has(optPlain):
		return fault("%s is for addresses of a network, which a socket has none of", optPlain)
	}
	return nil
}

// tcp reads an address of the network, which is of this machine unless something else is said by name.
func (s *source) tcp(e *remote.Endpoint) error {
	plain := e.Flag(optPlain, false)
	ip, notIP := netip.ParseAddr(e.Host)
	s.address = e.Address("")
	switch {
	case e.Port == "":
		return fault("%s names no port", e)
	case e.Path != "" && e.Path != "/":
		return fault("%s has a path behind its port", e)
	case e.Has(optMode) || e.Has(optGroup):
		return fault("%s and %s are for the file of a socket, which %s:// has not", optMode, optGroup, e.Scheme)
	case !plain && e.Host != "localhost" && (notIP != nil || !ip.IsLoopback()):
		return fault("%s would take mails from anybody who can reach it, unencrypted, and let them publish; have this machine's mail server take them and listen on 127.0.0.1, or allow it with ?%s=yes", e, optPlain)
	}
	return nil
}

// recipients are the addresses that mails are taken for, in lower case; one that begins with @ is a whole domain.
type recipients map[string]bool

func parseRecipients(list string) (recipients, error) {
	all := make(recipients)
	for one := range strings.SplitSeq(list, ",") {
		one = strings.ToLower(strings.TrimSpace(one))
		at := strings.LastIndexByte(one, '@')
		switch {
		case one == "" && list != "":
			return nil, fault("%s has an empty address in it", optRecipients)
		case one == "":
			return nil, fault("the address has no %s, so that no mail could come; write ?%s=debmails@bus.example.org, or @bus.example.org for all of a domain", optRecipients, optRecipients)
		case at < 0 || at == len(one)-1 || strings.ContainsAny(one, " <>\""):
			return nil, fault("%s has %q in it, which is no address; a + is written %%2B here", optRecipients, one)
		}
		all[one] = true
	}
	return all, nil
}

// has reports whether mails for an address are taken.
func (r recipients) has(address string) bool {
	address = strings.ToLower(address)
	return r[address] || r[address[max(0, strings.LastIndexByte(address, '@')):]]
}

// hostName is what this machine calls itself.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

func fault(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, format, args...)
}
