package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// entryMembers are the members of an entry.
var entryMembers = [...]string{
	"position", "seq", "received", "id", "topic", "sender", "signer", "verdict", "origin", "envelope", "envelope_base64", "signatures",
}

// unambiguous refuses the text of an entry in which another reader may find another message than the one that was read out of
// it as e: one with a member twice, also by another case, which is the same member to some, or with two envelopes.
func unambiguous(e *fedmsg.Entry, text []byte) error {
	if bytes.Equal(e.AppendJSON(nil), text) {
		return nil
	}
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(text))
	_, err := dec.Token()
	for err == nil && dec.More() {
		var key json.Token
		var value json.RawMessage
		if key, err = dec.Token(); err == nil {
			err = dec.Decode(&value)
		}
		name, _ := key.(string)
		for _, known := range entryMembers {
			if name != known && strings.EqualFold(name, known) {
				return fedmsg.Errorf(fedmsg.CodeDuplicateKey, "the entry has the key %.64q, which is %s to some readers and nothing to others", name, known)
			}
		}
		if seen[name] {
			return fedmsg.Errorf(fedmsg.CodeDuplicateKey, "the entry has the key %.64q twice; readers would disagree about which one counts", name)
		}
		seen[name] = true
	}
	switch {
	case err != nil:
		return fedmsg.WrapError(fedmsg.CodeBadJSON, err, "the entry is not JSON")
	case seen["envelope"] && seen["envelope_base64"]:
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the entry has envelope and envelope_base64; readers would disagree about which one counts")
	case seen["msg"]:
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "a line is an entry, or an envelope with msg, not both")
	}
	return nil
}
