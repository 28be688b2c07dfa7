package mailin

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// passing are the fields, in lower case and in order, that servers, mailboxes and readers write into a mail on its way: what differs
// between two copies of one mail. Nothing that is published is read from them.
func passing() []string {
	return []string{
		"apparently-to", "authentication-results", "bcc", "content-length", "delivered-to", "delivery-date", "dkim-filter", "envelope-to",
		"lines", "old-return-path", "received", "received-spf", "return-path", "status",
		"x-authentication-warning", "x-bogosity", "x-delivered-to", "x-evolution-source", "x-getmail-retrieved-from-mailbox",
		"x-greylist", "x-keywords", "x-original-to", "x-received", "x-scanned-by", "x-sieve", "x-status", "x-uid", "x-uidl",
	}
}

// passingGroups are the beginnings of the names of more such fields.
func passingGroups() []string {
	return []string{
		"arc-", "x-amavis-", "x-barracuda-", "x-cyrus-", "x-dspam-", "x-envelope-", "x-forwarded-", "x-gm-", "x-google-", "x-imap", "x-mozilla-",
		"x-ms-exchange-", "x-originating-", "x-rspamd-", "x-spam", "x-virus-",
	}
}

// passed reports whether a field was written on the way.
func passed(name string) bool {
	name = strings.ToLower(name)
	if _, found := slices.BinarySearch(passing(), name); found {
		return true
	}
	return slices.ContainsFunc(passingGroups(), func(start string) bool { return strings.HasPrefix(name, start) })
}

// plain gives a mail with LF between its lines and nothing behind the last: how lines end, and whether empty ones follow, differs
// between copies of one mail, and would be seen in the sizes and texts of its parts.
func plain(raw []byte) []byte {
	if bytes.Contains(raw, []byte("\r\n")) {
		raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	}
	return bytes.TrimRight(raw, "\n")
}

// contentSum is the same for two copies of one mail, and for no other mail: over its Message-ID and all that its sender wrote. How a
// header is folded differs between copies.
func contentSum(m *mailmsg.Mail) [sha256.Size]byte {
	h := sha256.New()
	part(h, []byte(m.MessageID))
	for name, value := range m.Header.All() {
		if passed(name) || strings.EqualFold(name, "Message-ID") {
			continue
		}
		part(h, []byte(strings.ToLower(name)))
		part(h, value)
	}
	part(h, nil) // no field has an empty name
	h.Write(m.Body.Raw())
	return [sha256.Size]byte(h.Sum(nil))
}

// part writes bytes so that no two can pass for others.
func part(h hash.Hash, b []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(b)))
	h.Write(size[:])
	h.Write(b)
}

// messageID gives the id of the n-th message, from 0, of a mail.
func messageID(content [sha256.Size]byte, topic string, n int) string {
	h := sha256.New()
	part(h, content[:])
	part(h, []byte(topic))
	part(h, []byte(strconv.Itoa(n)))
	return wire.MailID + hex.EncodeToString(h.Sum(nil))
}
