package pgp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/federated-messaging/fedmsg"
)

// The tags of packets that are looked at.
const (
	tagSignature     = 2
	tagSecretKey     = 5
	tagPublicKey     = 6
	tagSecretSubkey  = 7
	tagMarker        = 10
	tagTrust         = 12
	tagUserID        = 13
	tagPublicSubkey  = 14
	tagUserAttribute = 17
	tagPadding       = 21
	tagPrivate       = 60 // this one and those above it are private or not critical
)

// raw is one packet that is not parsed yet.
type raw struct {
	tag         byte
	body, whole []byte
}

var errPackets = errors.New("not a sequence of OpenPGP packets")

// split finds the packets of data. Lengths must be stated: partial and open ones belong to streams of data, and would hide
// what stands behind them.
func split(data []byte) ([]raw, error) {
	var packets []raw
	for len(data) > 0 {
		tag, from, size, ok := packetHeader(data)
		if !ok || size > len(data)-from {
			return nil, errPackets
		}
		packets = append(packets, raw{tag: tag, body: data[from : from+size], whole: data[:from+size]})
		data = data[from+size:]
	}
	return packets, nil
}

// packetHeader reads the header that data begins with: where the body begins, and its size.
func packetHeader(data []byte) (tag byte, from, size int, ok bool) {
	first := data[0]
	if first&0x80 == 0 {
		return 0, 0, 0, false
	}
	number := func(at, bytes int) bool {
		if len(data) < at+bytes {
			return false
		}
		var n uint64
		for _, b := range data[at : at+bytes] {
			n = n<<8 | uint64(b)
		}
		from, size = at+bytes, int(n)
		return true
	}
	if first&0x40 == 0 { // the old form
		kind := first & 3
		return first >> 2 & 15, from, size, kind != 3 && number(1, 1<<kind)
	}
	tag = first & 0x3f
	switch {
	case len(data) < 2:
		return 0, 0, 0, false
	case data[1] < 192:
		ok = number(1, 1)
	case data[1] < 224:
		if ok = number(1, 2); ok {
			size = size - 192<<8 + 192
		}
	case data[1] == 255:
		ok = number(2, 4)
	}
	return tag, from, size, ok
}

// dearmor joins the armored blocks of a text, which must all be of one kind.
func dearmor(text []byte, kind string) ([]byte, error) {
	var data []byte
	in := bufio.NewReader(bytes.NewReader(text))
	for range bytes.Count(text, []byte("-----BEGIN PGP ")) {
		block, err := armor.Decode(in)
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "an armored OpenPGP block is damaged")
		}
		if block.Type != kind {
			return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the file holds an armored block of another kind than %q", kind)
		}
		body, err := io.ReadAll(block.Body)
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "an armored OpenPGP block is damaged")
		}
		data = append(data, body...)
	}
	if data == nil {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the file is not OpenPGP keys, neither binary nor armored; export them with gpg --export")
	}
	return data, nil
}

// head is what decides whether a signature packet is one that we understand, read by hand: the library passes over, or takes,
// what must be told apart here.
type head struct{ version, kind, algorithm, hash byte }

// The hash algorithms that are told by name.
const (
	hashMD5    = 1
	hashRIPEMD = 3
	hashSHA256 = 8
)

// signatureHead reads the beginning of a signature packet's body.
func signatureHead(body []byte) (head, bool) {
	switch {
	case len(body) >= 6 && body[0] >= 4:
		return head{body[0], body[1], body[2], body[3]}, true
	case len(body) >= 17 && body[0] < 4:
		return head{body[0], body[2], body[15], body[16]}, true
	}
	return head{}, false
}

// exact reports whether the body of a version 4 signature ends where its last number does. The library does not look behind it.
func exact(body []byte, numbers int) bool {
	take := func(size int) bool {
		if size > len(body) {
			return false
		}
		body = body[size:]
		return true
	}
	sized := func(unit int) bool {
		return len(body) >= 2 && take(2+(int(binary.BigEndian.Uint16(body))+unit-1)/unit)
	}
	if !take(4) || !sized(1) || !sized(1) || !take(2) { // two areas of subpackets, the tag of the hash
		return false
	}
	for range numbers {
		if !sized(8) { // numbers state their length in bits
			return false
		}
	}
	return len(body) == 0
}
