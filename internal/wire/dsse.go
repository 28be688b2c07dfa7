package wire

import (
	"encoding/json"
	"errors"
)

// The payload types of what this system signs with DSSE. They are part of what is signed, so that a signature over one
// kind of thing never passes for one over the other.
const (
	EnvelopeType = "application/vnd.fedmsg+json"         // the exact bytes of an envelope
	ReceiptType  = "application/vnd.fedmsg.receipt+json" // a node's receipt, see [Receipt]
)

// MaxSignatures is the most signatures that one message may carry.
const MaxSignatures = 8

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

var errNotBuilt = errors.New("not built yet")

// AppendPAE appends the pre-authentication encoding of DSSE: the bytes that a signature is made over.
func AppendPAE(dst []byte, payloadType string, payload []byte) []byte { panic(errNotBuilt) }

// AppendSignatures appends the signatures as the JSON array that stands in DSSE and in entries.
func AppendSignatures(dst []byte, signatures []Signature) []byte { panic(errNotBuilt) }

// DecodeSignatures reads such an array, strictly: at most [MaxSignatures], no key twice, base64 without gaps. The error has
// CodeMalformedSignature.
func DecodeSignatures(raw []byte) ([]Signature, error) { return nil, errNotBuilt }

// AppendDSSE appends the JSON form of a payload with its signatures, an array as AppendSignatures makes it.
func AppendDSSE(dst []byte, payloadType string, payload, signatures []byte) []byte {
	panic(errNotBuilt)
}

// DecodeDSSE reads the JSON form of DSSE whose payload has at most limit bytes. The result shares no memory with data.
func DecodeDSSE(data []byte, limit int) (DSSE, error) { return DSSE{}, errNotBuilt }

// AppendSigned appends what the old X.509 form is signed over: the canonical form of all but signature and certificate (SPEC
// section 7). It takes what AppendCanonical takes.
func AppendSigned(dst, envelope []byte) ([]byte, error) { return dst, errNotBuilt }

// AppendArchived is AppendSigned for an envelope that came out of the old archive, and undoes what that had added: source_name
// and source_version go, headers go when they are empty, and a timestamp with a fraction becomes whole (SPEC section 9). The
// bool tells whether there was anything to undo.
func AppendArchived(dst, envelope []byte) ([]byte, bool, error) { return dst, false, errNotBuilt }

// AppendBody appends what the old OpenPGP form is signed over: the canonical form of msg alone (SPEC section 8).
func AppendBody(dst []byte, e *Envelope) ([]byte, error) { return dst, errNotBuilt }

// AppendEmbedded appends the envelope with the old embedded signature put into it: crypto, signature and, unless it is empty,
// certificate. All other bytes stay as they are. The envelope must have none of the three. For the order in which an old
// signer works see package sign: crypto is signed too, so it is put in first, with the others empty.
func AppendEmbedded(dst, envelope []byte, crypto, signature, certificate string) []byte {
	panic(errNotBuilt)
}
