package mailtrust

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Resolver asks the DNS. A *[net.Resolver] is one.
type Resolver interface {
	// LookupTXT gives the texts at a name, which ends with a dot, each of them as one. That there is none is a *[net.DNSError] with
	// IsNotFound; other errors may pass. It must return when ctx ends. Many calls may go on at once.
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

const (
	maxRecord = 16 << 10         // bytes of a key's text
	maxKeys   = 1000             // keys that are kept
	keyKept   = 5 * time.Minute  // how long a key, or that there is none, is not asked for again
	faultKept = 10 * time.Second // how long a domain that did not answer is not asked again: the next mails do not wait for it
)

// domainKey is a key that a domain signs with.
type domainKey struct {
	rsa     *rsa.PublicKey
	ed25519 ed25519.PublicKey
	strict  bool // it is for the domain itself and not for those below it
}

// keyCache keeps what domains answered for a while.
type keyCache struct {
	mu    sync.Mutex
	known map[string]cachedKey // guarded by mu; at most maxKeys
}

// cachedKey is one answer. Keys are not changed.
type cachedKey struct {
	key     *domainKey
	finding finding
	until   time.Time
}

// key gives the key of a signature.
func (c *Checker) key(ctx context.Context, s *signature) (*domainKey, finding) {
	name := s.selector + "._domainkey." + s.domain + "."
	now := c.c.Now()
	c.keys.mu.Lock()
	k, known := c.keys.known[name]
	c.keys.mu.Unlock()
	if !known || now.After(k.until) {
		k = c.ask(ctx, name)
		c.keys.put(name, k, now)
	}
	if k.finding != (finding{}) {
		return nil, k.finding
	}
	return k.key, k.key.fits(s)
}

// put keeps an answer.
func (k *keyCache) put(name string, answer cachedKey, now time.Time) {
	answer.until = now.Add(keyKept)
	if answer.finding.result == tempError {
		answer.until = now.Add(faultKept)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxKeys {
		clear(k.known)
	}
	k.known[name] = answer
}

// ask asks the DNS.
func (c *Checker) ask(ctx context.Context, name string) (answer cachedKey) {
	texts, err := c.c.Resolver.LookupTXT(ctx, name)
	missing, told := errors.AsType[*net.DNSError](err)
	switch {
	case told && missing.IsNotFound || err == nil && len(texts) == 0:
		answer.finding = broken("the domain has no such key")
	case err != nil:
		answer.finding = finding{tempError, "the domain's key could not be asked for"}
	// verification: dkim-one-key (TestKeysRefused)
	case len(texts) > 1:
		answer.finding = broken("the domain has several keys of the same name")
	default:
		answer.key, answer.finding = readKey(texts[0])
	}
	return answer
}

// readKey reads a key as it stands in the DNS (RFC 6376, section 3.6.1).
func readKey(text string) (*domainKey, finding) {
	tags, ok := readTags(text)
	v, versioned := tags["v"]
	// verification: dkim-key-form (TestKeysRefused)
	if !ok || len(text) > maxRecord || versioned && v != "DKIM1" {
		return nil, broken("the domain's key is not of a known form")
	}
	hashes, hashed := tags["h"]
	services, served := tags["s"]
	flags := listOf(tags["t"])
	p, given := tags["p"]
	switch {
	// verification: dkim-key-revoked (TestKeysRefused)
	case given && p == "":
		return nil, broken("the domain has revoked the key")
	// verification: dkim-key-hash (TestKeysRefused)
	case hashed && !slices.Contains(listOf(hashes), "sha256"):
		return nil, broken("the domain's key is not for SHA-256 (h=)")
	// verification: dkim-key-service (TestKeysRefused)
	case served && !slices.Contains(listOf(services), "email") && !slices.Contains(listOf(services), "*"):
		return nil, broken("the domain's key is not for mail (s=)")
	// verification: dkim-key-test (TestKeysRefused)
	case slices.Contains(flags, "y"):
		return nil, finding{policy, "the domain only tests with this key (t=y)"}
	}
	data, decoded := decode(p)
	// verification: dkim-key-rubbish (TestKeysRefused)
	if !decoded {
		return nil, broken("the domain's key cannot be read")
	}
	k := &domainKey{strict: slices.Contains(flags, "s")}
	return k, k.read(strings.ToLower(tags["k"]), data)
}

// read reads the key itself.
func (k *domainKey) read(kind string, data []byte) finding {
	switch kind {
	case "", "rsa":
		parsed, err := x509.ParsePKIXPublicKey(data)
		if err != nil {
			parsed, err = x509.ParsePKCS1PublicKey(data)
		}
		public, ok := parsed.(*rsa.PublicKey)
		if err != nil || !ok {
			return broken("the domain's key cannot be read")
		}
		// verification: dkim-key-size (TestShortKey)
		if bits := public.N.BitLen(); bits < 1024 || bits > 8192 {
			return finding{policy, "the domain's RSA key has less than 1024 bits, or more than 8192"}
		}
		k.rsa = public
	case "ed25519":
		if len(data) != ed25519.PublicKeySize {
			return broken("the domain's key cannot be read")
		}
		k.ed25519 = data
	default:
		return broken("the domain's key cannot be read")
	}
	return finding{}
}

// fits tells what keeps a key from being that of a signature.
func (k *domainKey) fits(s *signature) finding {
	switch {
	// verification: dkim-key-strict (TestKeysRefused)
	case k.strict && s.identity != s.domain:
		return broken("the domain's key is not for those below it (t=s)")
	// verification: dkim-key-kind (TestKeysRefused)
	case (s.key == "rsa") != (k.rsa != nil):
		return broken("the domain's key is of another kind than the signature (a=)")
	}
	return finding{}
}
