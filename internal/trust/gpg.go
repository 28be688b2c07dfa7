package trust

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// gpg judges the old OpenPGP form, which is over the body alone. So it is taken only from roots that were asked to take it, and
// only under their topics.
func (j *judgement) gpg() finding {
	sig, err := binary("signature", j.e.Signature)
	if err != nil {
		return finding{err: err}
	}
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	if *buffer, err = wire.AppendBody((*buffer)[:0], j.e); err != nil {
		return finding{err: err}
	}
	best := finding{unknown: true, err: fedmsg.Errorf(fedmsg.CodeUnknownSigner,
		"no trust root of this node knows the OpenPGP key of the message; whoever runs it can add a [[trust]] with keyring and legacy = true")}
	for _, r := range j.roots {
		if r.ring == nil { // where there is one, the root is legacy: see Validate
			continue
		}
		f := j.keyring(r, *buffer, sig)
		if f.err == nil {
			return f
		}
		if best.unknown {
			best = f
		}
	}
	return best
}

// keyring judges an OpenPGP signature by the keys of one root.
func (j *judgement) keyring(r *root, body, sig []byte) finding {
	// verification: openpgp-signature (TestGPGVectors)
	fingerprint, err := r.ring.Verify(body, sig, j.at, r.Legacy)
	s := r.speaker(fingerprint, nil)
	if err == nil {
		return j.allow([]speaker{s}, fedmsg.VerdictTopicNotCovered)
	}
	f := finding{err: err, unknown: fedmsg.CodeOf(err) == fedmsg.CodeUnknownSigner}
	if fingerprint != "" {
		f.signer = s.signer
	}
	if fedmsg.CodeOf(err) == fedmsg.CodeBadSignature {
		f.err = badSignature(f.signer, j.e.Topic)
	}
	return f
}
