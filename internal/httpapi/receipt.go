package httpapi

import (
	"net/http"

	"github.com/federated-messaging/fedmsg"
)

// errSignsNothing tells a client that this node has no key.
func errSignsNothing() error {
	return fedmsg.Errorf(fedmsg.CodeNotFound, "this node has no key to sign with")
}

// appendSigned puts the signed form of a receipt into its JSON as the member signed. The message is stored in any case, so
// an error says where its receipt is to be had.
func (s *Server) appendSigned(answer []byte, r *fedmsg.Receipt) ([]byte, error) {
	entry, found, err := s.deps.Log.Find(r.ID)
	if err == nil && !found {
		err = fedmsg.Errorf(fedmsg.CodeNotFound, "retention has removed the message %s", clip(r.ID))
	}
	var signed []byte
	if err == nil {
		signed, err = s.deps.Receipt(&entry)
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the message is stored as %s, but its receipt could not be signed; ask for it later with GET /v1/receipts/%s", r.Position, clip(r.ID))
	}
	answer = append(answer[:len(answer)-1], `,"signed":`...)
	return append(append(answer, signed...), '}'), nil
}

// handleReceipt gives the signed receipt of a stored message, to whoever may read the message.
func (s *Server) handleReceipt(w http.ResponseWriter, r *http.Request, id identity) {
	if s.deps.Receipt == nil {
		writeError(w, errSignsNothing())
		return
	}
	entry, err := s.find(r.PathValue("id"), id)
	var signed []byte
	if err == nil && entry.Redacted {
		err = fedmsg.Errorf(fedmsg.CodeRedacted, "there is no receipt for the message with the id %q any more: it was redacted", clip(entry.ID))
	}
	if err == nil {
		if signed, err = s.deps.Receipt(entry); err != nil {
			err = fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the receipt could not be signed; the node's log says why")
		}
	}
	if err != nil {
		s.report(err)
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, append(signed[:len(signed):len(signed)], '\n'))
}

// keyJSON is one key in the answer of GET /v1/keys.
type keyJSON struct {
	ID        string `json:"id"`
	Algorithm string `json:"algorithm"`
	PublicKey string `json:"public_key"`
}

// handleKeys gives the node's public keys, by which anybody can check what it signed.
func (s *Server) handleKeys(w http.ResponseWriter, _ *http.Request, _ identity) {
	if s.deps.Keys == nil {
		writeError(w, errSignsNothing())
		return
	}
	name, own := s.deps.Keys()
	list := make([]keyJSON, len(own))
	for i, k := range own {
		list[i] = keyJSON{ID: k.ID(), Algorithm: string(k.Algorithm()), PublicKey: string(k.PEM())}
	}
	s.encode(w, http.StatusOK, struct {
		Name string    `json:"name"`
		Keys []keyJSON `json:"keys"`
	}{name, list})
}
