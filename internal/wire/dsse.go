package wire

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// The payload types of what this system signs with DSSE. They are part of what is signed, so that a signature over one
// kind of thing never passes for one over the other.
const (
	EnvelopeType = "application/vnd.fedmsg+json"         // the exact bytes of an envelope
	ReceiptType  = "application/vnd.fedmsg.receipt+json" // a node's receipt, see [Receipt]
)

// The bounds of what comes with a payload.
const (
	MaxSignatures = 8 // the most signatures that one message may carry

	maxKeyID       = 128
	maxSig         = 1 << 10
	maxCertificate = 16 << 10
)

// Signature is one detached signature.
type Signature struct {
	KeyID       string // which key made it; a hint that nothing may be concluded from
	Sig         []byte
	Certificate []byte // DER of the certificate that stands for the key; nil where the key is bare
}

// DSSE is a payload with detached signatures over it: github.com/secure-systems-lab/dsse, protocol 1.0.
type DSSE struct {
	Type       string // of the payload
	Payload    []byte
	Signatures json.RawMessage // an array, see [DecodeSignatures]; checked for form when it was decoded
}

// Receipt is what a node vouches for when it signs that it has a message.
type Receipt struct {
	Log      string `json:"log"`
	Seq      uint64 `json:"seq"`
	Received string `json:"received"` // RFC 3339, UTC, as in the entry
	SHA256   string `json:"sha256"`   // of the envelope's bytes, in hex
	Role     string `json:"role"`     // what the signer is to the message: node or gateway
}

// AppendPAE appends the pre-authentication encoding of DSSE: the bytes that a signature is made over.
func AppendPAE(dst []byte, payloadType string, payload []byte) []byte {
	dst = append(dst, "DSSEv1 "...)
	dst = strconv.AppendInt(dst, int64(len(payloadType)), 10)
	dst = append(dst, ' ')
	dst = append(dst, payloadType...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(len(payload)), 10)
	dst = append(dst, ' ')
	return append(dst, payload...)
}

// AppendSignatures appends the signatures as the JSON array that stands in DSSE and in entries.
func AppendSignatures(dst []byte, signatures []Signature) []byte {
	dst = append(dst, '[')
	for i, s := range signatures {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"keyid":`...)
		dst = appendString(dst, s.KeyID)
		dst = append(dst, `,"sig":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, s.Sig)
		if s.Certificate != nil {
			dst = append(dst, `","cert":"`...)
			dst = base64.StdEncoding.AppendEncode(dst, s.Certificate)
		}
		dst = append(dst, `"}`...)
	}
	return append(dst, ']')
}

// AppendDSSE appends the JSON form of a payload with its signatures, an array as AppendSignatures makes it.
func AppendDSSE(dst []byte, payloadType string, payload, signatures []byte) []byte {
	dst = append(dst, `{"payload":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, payload)
	dst = append(dst, `","payloadType":`...)
	dst = appendString(dst, payloadType)
	dst = append(dst, `,"signatures":`...)
	dst = append(dst, signatures...)
	return append(dst, '}')
}

// DSSESize is the most bytes that the JSON form of DSSE, or of an entry, may have whose payload, or envelope, has at most limit
// bytes. There is room for all signatures, for what else an entry has, and for some layout.
func DSSESize(limit int) int {
	const signature = (maxSig+maxCertificate)*4/3 + maxKeyID + 128
	return (limit+2)/3*4 + MaxSignatures*signature + 8<<10
}
