package commitlog

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"time"
	"unsafe"

	"github.com/federated-messaging/fedmsg"
)

// A record on disk:
//
//	 0  4  magic
//	 4  4  CRC-32C of the header from offset 8 to its end
//	 8  2  length of the header, id and topic included
//	10  2  length of the id
//	12  2  length of the topic
//	14  2  flags
//	16  4  length of the payload
//	20  4  reserved, 0
//	24  8  sequence number
//	32  8  sequence number of the first record of the same write
//	40  8  received, nanoseconds since 1970
//	48 32  SHA-256(salt ‖ envelope)
//	80     id, topic
//	       CRC-32C of the payload, 4 bytes
//	       payload: sections of type (2), length (4), bytes
//
// The payload's CRC stands outside the header, so that a later redaction can zero sections and leave the header, which is
// the leaf of a later Merkle tree, as it is. The first number of the write tells a torn write from damage: see recovery.go.
const (
	headerFixed  = 80
	payloadAlign = 4 // bytes of the payload's CRC, between header and payload
	sectionHead  = 6
	saltLen      = 16

	maxWord    = 1 << 12  // bytes of an id or topic
	maxPayload = 64 << 20 // bytes; nothing larger is written, so nothing larger is believed when read

	// minRecord bounds how many records can stand in a stretch of bytes.
	minRecord = headerFixed + payloadAlign
)

// recordMagic begins each record. An envelope has no byte below 0x20, so that nothing a publisher sends looks like it.
const recordMagic = "\x00\xfeFM"

// The flags of a record.
const (
	flagMade = 1 << iota
	flagNotIJSON
)

// The sections of a payload. Numbers are only ever added; unknown ones are passed over and stay in the file.
const (
	sectionSalt = 1 + iota
	sectionEnvelope
	sectionSender
	sectionSigner
	sectionVerdict
	sectionSignatures
	sectionOrigin
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the decoded header of a record. Its strings alias the bytes it was read from.
type header struct {
	seq      uint64
	batch    uint64
	received int64
	flags    uint16
	size     int // of the header with id and topic
	payload  int // bytes of the payload
	hash     []byte
	id       string
	topic    string
}

// recordLen is how many bytes the record takes on disk.
func (h *header) recordLen() int { return h.size + payloadAlign + h.payload }

// recordSize is how many bytes appendRecord appends for r.
func recordSize(r *fedmsg.Record) int {
	n := minRecord + len(r.ID) + len(r.Topic) + sectionHead + saltLen + sectionHead + len(r.Envelope)
	for _, l := range [...]int{len(r.Sender), len(r.Signer), len(r.Verdict), len(r.Signatures)} {
		if l > 0 {
			n += sectionHead + l
		}
	}
	if !r.Origin.IsZero() {
		var text [64]byte
		n += sectionHead + len(r.Origin.AppendTo(text[:0]))
	}
	return n
}

// digest is what is computed of a record before its place in the log is known.
type digest struct {
	id   uint64 // idHash
	salt [saltLen]byte
	sum  [sha256.Size]byte // SHA-256(salt ‖ envelope)
}

// digests computes the digests of records, with one read of randomness. It is most of the work of storing a message, and
// runs in the submitters' goroutines, while the writer syncs.
func digests(records []fedmsg.Record) []digest {
	ds := make([]digest, len(records))
	salts := make([]byte, len(records)*saltLen)
	_, _ = rand.Read(salts) // never fails
	hash := sha256.New()
	for i := range ds {
		d := &ds[i]
		d.id = idHash(records[i].ID)
		copy(d.salt[:], salts[i*saltLen:])
		hash.Reset()
		hash.Write(d.salt[:])
		hash.Write(records[i].Envelope)
		hash.Sum(d.sum[:0])
	}
	return ds
}

// appendRecord encodes one record. It needs nothing of h but seq, batch and received.
func appendRecord(b []byte, r *fedmsg.Record, h header, d *digest) []byte {
	start := len(b)
	le := binary.LittleEndian
	var flags uint16
	if r.Made {
		flags |= flagMade
	}
	if r.NotIJSON {
		flags |= flagNotIJSON
	}
	size := headerFixed + len(r.ID) + len(r.Topic)
	b = append(b, recordMagic...)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, uint16(size))
	b = le.AppendUint16(b, uint16(len(r.ID)))
	b = le.AppendUint16(b, uint16(len(r.Topic)))
	b = le.AppendUint16(b, flags)
	b = le.AppendUint64(b, 0) // length of the payload, set below, and reserved
	b = le.AppendUint64(b, h.seq)
	b = le.AppendUint64(b, h.batch)
	b = le.AppendUint64(b, uint64(h.received))
	b = append(b, d.sum[:]...)
	b = append(b, r.ID...)
	b = append(b, r.Topic...)
	b = le.AppendUint32(b, 0)

	payload := len(b)
	b = appendSection(b, sectionSalt, d.salt[:])
	b = appendSection(b, sectionEnvelope, r.Envelope)
	b = appendText(b, sectionSender, r.Sender)
	b = appendText(b, sectionSigner, r.Signer)
	b = appendText(b, sectionVerdict, string(r.Verdict))
	if len(r.Signatures) > 0 {
		b = appendSection(b, sectionSignatures, r.Signatures)
	}
	if !r.Origin.IsZero() {
		b = appendText(b, sectionOrigin, r.Origin.String())
	}

	rec := b[start:]
	le.PutUint32(rec[16:], uint32(len(b)-payload))
	le.PutUint32(rec[4:], crc32.Checksum(rec[8:size], castagnoli))
	le.PutUint32(rec[size:], crc32.Checksum(b[payload:], castagnoli))
	return b
}

func appendSection(b []byte, kind uint16, data []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// appendText is appendSection for what is left out when empty.
func appendText(b []byte, kind uint16, data string) []byte {
	if data == "" {
		return b
	}
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// What decoding finds.
type verdict uint8

const (
	whole   verdict = iota // the record is there and its checksums hold
	partial                // more bytes are needed to say
	broken                 // these bytes are not a record, or its checksums do not hold
)

// decodeHeader reads the header at the start of b. Its strings and hash alias b.
func decodeHeader(b []byte) (header, verdict) {
	le := binary.LittleEndian
	if n := min(len(b), len(recordMagic)); string(b[:n]) != recordMagic[:n] {
		return header{}, broken
	}
	if len(b) < headerFixed {
		return header{}, partial
	}
	size, idLen, topicLen := int(le.Uint16(b[8:])), int(le.Uint16(b[10:])), int(le.Uint16(b[12:]))
	payload := le.Uint32(b[16:])
	if size != headerFixed+idLen+topicLen || idLen > maxWord || topicLen > maxWord || payload > maxPayload {
		return header{}, broken
	}
	if len(b) < size {
		return header{}, partial
	}
	if crc32.Checksum(b[8:size], castagnoli) != le.Uint32(b[4:]) {
		return header{}, broken
	}
	return header{
		seq:      le.Uint64(b[24:]),
		batch:    le.Uint64(b[32:]),
		received: int64(le.Uint64(b[40:])),
		flags:    le.Uint16(b[14:]),
		size:     size,
		payload:  int(payload),
		hash:     b[48:headerFixed:headerFixed],
		id:       alias(b[headerFixed : headerFixed+idLen]),
		topic:    alias(b[headerFixed+idLen : size]),
	}, whole
}

// decodeRecord reads the record at the start of b and checks both checksums, but does not look into the payload.
func decodeRecord(b []byte) (header, verdict) {
	h, v := decodeHeader(b)
	if v != whole {
		return h, v
	}
	if len(b) < h.recordLen() {
		return h, partial
	}
	want := binary.LittleEndian.Uint32(b[h.size:])
	if crc32.Checksum(b[h.size+payloadAlign:h.recordLen()], castagnoli) != want {
		return h, broken
	}
	return h, whole
}

// erased is what stands in place of the payload of a record, with its CRC before it, when the payload was erased. No payload that
// was written is all zero: it begins with the salt.
func erased(h *header) []byte {
	b := make([]byte, payloadAlign+h.payload)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[payloadAlign:], castagnoli))
	return b
}

// isErased reports whether a payload was erased.
func isErased(payload []byte) bool {
	for _, c := range payload {
		if c != 0 {
			return false
		}
	}
	return true
}

// fillEntry makes the entry of a record that decodeRecord found whole. The entry aliases b. It reports false where the
// sections do not fill the payload exactly, which only a writer with a fault produces.
func fillEntry(e *fedmsg.Entry, log fedmsg.LogID, h *header, b []byte) bool {
	*e = fedmsg.Entry{
		Position: fedmsg.Position{Log: log, Seq: h.seq},
		Received: time.Unix(0, h.received).UTC(),
		ID:       h.id,
		Topic:    h.topic,
		Made:     h.flags&flagMade != 0,
		NotIJSON: h.flags&flagNotIJSON != 0,
	}
	p := b[h.size+payloadAlign : h.recordLen()]
	if isErased(p) {
		e.Redacted, e.NotIJSON = true, false
		return true
	}
	for len(p) > 0 {
		kind, data, rest, ok := cutSection(p)
		if !ok {
			return false
		}
		p = rest
		switch kind {
		case sectionEnvelope:
			e.Envelope = data
		case sectionSender:
			e.Sender = alias(data)
		case sectionSigner:
			e.Signer = alias(data)
		case sectionVerdict:
			e.Verdict = fedmsg.Verdict(alias(data))
		case sectionSignatures:
			e.Signatures = data
		case sectionOrigin:
			e.Origin, _ = fedmsg.ParsePosition(alias(data)) // zero if unreadable: the checksum held, a newer form wrote it
		}
	}
	return true
}

// cutSection takes the first section off a payload.
func cutSection(p []byte) (kind uint16, data, rest []byte, ok bool) {
	if len(p) < sectionHead {
		return 0, nil, nil, false
	}
	n := binary.LittleEndian.Uint32(p[2:])
	if uint64(n) > uint64(len(p)-sectionHead) {
		return 0, nil, nil, false
	}
	end := sectionHead + int(n)
	return binary.LittleEndian.Uint16(p), p[sectionHead:end:end], p[end:], true
}

// hashHolds, of what was not erased, checks SHA-256(salt ‖ envelope) of a whole record against its header.
func hashHolds(h *header, b []byte) bool {
	var salt, envelope []byte
	p := b[h.size+payloadAlign : h.recordLen()]
	if isErased(p) {
		return true // the hash stays, so that who has the envelope can show that it was this
	}
	for len(p) > 0 {
		kind, data, rest, ok := cutSection(p)
		if !ok {
			return false
		}
		switch kind {
		case sectionSalt:
			salt = data
		case sectionEnvelope:
			envelope = data
		}
		p = rest
	}
	s := sha256.New()
	s.Write(salt)
	s.Write(envelope)
	return string(s.Sum(nil)) == string(h.hash)
}

// alias gives b as a string without a copy. Every caller holds bytes that are never written again after they were read
// from a file, which is what makes a million entries a second possible without an allocation for each of their strings.
// Where a buffer is used again, the caller clones what it keeps.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// idHash is what indexes and filters know of an id. It is SHA-256 cut short: uniform, the same for ever, and not to be
// steered by whoever chooses ids, at 100 ns. Equal hashes are told apart by the ids themselves.
func idHash(id string) uint64 {
	sum := sha256.Sum256(unsafe.Slice(unsafe.StringData(id), len(id)))
	return binary.LittleEndian.Uint64(sum[:])
}
