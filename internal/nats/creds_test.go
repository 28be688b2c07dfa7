package nats

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// natsKey is a key as NATS names them.
type natsKey struct {
	private ed25519.PrivateKey
	name    string // of the public key
	seed    string
}

// makeNATSKey makes a key of the kind: O, A or U, by the byte that stands before the key.
func makeNATSKey(t *testing.T, kind byte) natsKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	try(t, err)
	const seed = 18 << 3
	return natsKey{private, nkey([]byte{kind}, public), nkey([]byte{seed | kind>>5, kind & 31 << 3}, private.Seed())}
}

// nkey writes bytes with what stands before them and a CRC-16 behind them.
func nkey(before, key []byte) string {
	raw := append(before, key...)
	var crc uint16
	for _, b := range raw {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(binary.LittleEndian.AppendUint16(raw, crc))
}

// natsToken makes a JWT in which one key says something of another.
func natsToken(t *testing.T, by, of natsKey, nats map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		try(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	nats["version"] = 2
	text := part(map[string]string{"typ": "JWT", "alg": "ed25519-nkey"}) + "." +
		part(map[string]any{"jti": "x", "iat": 1700000000, "iss": by.name, "sub": of.name, "name": "test", "nats": nats})
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(by.private, []byte(text)))
}

// TestCredentialsOfOperator logs in with a file as nsc makes it.
func TestCredentialsOfOperator(t *testing.T) {
	t.Parallel()
	operator, account, user := makeNATSKey(t, 14<<3), makeNATSKey(t, 0), makeNATSKey(t, 20<<3)
	limits := map[string]any{"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1}
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{Config: fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s }\n",
		natsToken(t, operator, operator, map[string]any{"type": "operator", "system_account": account.name}), account.name, account.name,
		natsToken(t, operator, account, map[string]any{"type": "account", "limits": limits}))})
	file := secretFile(t, fmt.Sprintf("-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n",
		natsToken(t, account, user, map[string]any{"type": "user", "subs": -1, "data": -1, "payload": -1}), user.seed))
	r := run(t, deliver.Config{To: "nats://" + s.Addr, Credentials: file})
	r.log.add("org.a", "", "{}")
	r.done(t)
}
