package daemon

import (
	"log/slog"
	"os"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// authority is whom the node believes and as whom it signs.
type authority struct {
	signer   *sign.Signer
	store    *trust.Store
	settings sign.Settings // as they hold
	forms    []sign.Form   // none: the node signs no messages
	verify   fedmsg.VerifyMode
}

// openAuthority loads the node's keys, or makes its first, and reads all that it trusts.
func openAuthority(c *config.Config, log *slog.Logger) (*authority, error) {
	host, err := os.Hostname()
	if err != nil {
		log.Warn("cannot tell the name of the host; set signing.name", "error", err)
	}
	a := &authority{settings: c.SigningSettings(host), forms: c.Sign, verify: c.Verify}
	a.signer, err = sign.Open(sign.Config{Forms: c.Sign, Settings: a.settings, Dir: KeysDir(c.State), Logger: log})
	if err != nil {
		return nil, err
	}
	a.store, err = trust.Open(trust.Config{
		File: trust.File{Trust: c.Trust, Policy: c.Policy}, Path: c.TrustFile, Read: config.ReadTrust,
		Settings: c.Verification, Own: a.signer.Own, OwnName: a.settings.Name, OwnTopics: a.settings.Topics, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// messages gives what signs messages, or nil where nothing does: the node's key then signs receipts alone.
func (a *authority) messages() ingest.Signer {
	if len(a.forms) == 0 {
		return nil
	}
	return a.signer
}

// receipt signs that the node has an entry.
func (a *authority) receipt(e *fedmsg.Entry) ([]byte, error) { return a.signer.Receipt(e, "node") }

// keys gives the name and the public keys of the node.
func (a *authority) keys() (string, []keys.Public) { return a.settings.Name, a.signer.Own() }

// keyID names the key that signs.
func (a *authority) keyID() string { return a.signer.Own()[0].ID() }

// signs says in a sentence what the node signs.
func (a *authority) signs() string {
	if len(a.forms) == 0 {
		return "no message is signed by the node (sign is empty); receipts are, as " + a.settings.Name + " with key " + a.keyID()
	}
	forms := make([]string, len(a.forms))
	for i, f := range a.forms {
		forms[i] = string(f)
	}
	return "unsigned messages on " + joined(a.settings.Topics) + " are signed as " + a.settings.Name + " with key " + a.keyID() + " (" + strings.Join(forms, ", ") + ")"
}

func joined(topics []fedmsg.Pattern) string {
	texts := make([]string, len(topics))
	for i, p := range topics {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

// verifies says in a sentence what is asked of signatures, and where something else is than elsewhere.
func (a *authority) verifies(endpoints []httpapi.Endpoint) string {
	text := "messages are verified by mode " + string(a.verify)
	for _, e := range endpoints {
		if e.Verify != "" && e.Verify != a.verify {
			text += ", at " + e.Name + " by " + string(e.Verify)
		}
	}
	return text
}

// announce tells the operator at the start as whom the node signs and whom it believes.
func (a *authority) announce(c *config.Config, endpoints []httpapi.Endpoint, log *slog.Logger) {
	roots := append([]string{a.settings.Name}, a.store.Roots()...)
	log.Info("signatures", "signing", a.signs(), "verifying", a.verifies(endpoints), "roots", strings.Join(roots, ", "), "trust_file", c.TrustFile)
	for _, w := range c.UnknownSigners(roots) {
		log.Warn(w)
	}
	if a.verify == fedmsg.VerifyInsecureOff {
		log.Warn("insecure switch is on", "key", "verify = "+string(a.verify))
	}
}
