package trust

import (
	"crypto/rsa"
	"sync"

	"github.com/federated-messaging/fedmsg/internal/pki"
)

// The bounds of a cache: so many certificates, none of them longer. What is longer is parsed each time.
const (
	cachedCertificates = 4096
	cachedBytes        = 8 << 10
)

// certificate is a certificate with the roots that issued it. It is immutable.
type certificate struct {
	rsa      *rsa.PublicKey // nil when its key is of another kind
	leaf     *pki.Leaf
	speakers []speakerAt
}

// speakerAt is who speaks with a certificate, by the place of the root among the roots: of the root itself only what it was
// when the certificate was parsed could be kept, and its revocation list may be another by now.
type speakerAt struct {
	root   int
	leaf   *pki.Leaf
	signer string
}

// cache keeps certificates by the bytes in which they came. Only what an authority issued is kept, so that strangers cannot
// fill it. It has two generations: when the younger is full, it becomes the elder one, and the elder is forgotten.
type cache struct {
	mu    sync.RWMutex
	young map[string]*certificate // guarded by mu
	elder map[string]*certificate // guarded by mu
}

func newCache() *cache { return &cache{young: map[string]*certificate{}} }

func (c *cache) get(key []byte) *certificate {
	c.mu.RLock()
	found, elder := c.young[string(key)], c.elder[string(key)]
	c.mu.RUnlock()
	if found != nil || elder == nil {
		return found
	}
	c.put(key, elder)
	return elder
}

func (c *cache) put(key []byte, found *certificate) {
	if len(key) > cachedBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= cachedCertificates/2 {
		c.young, c.elder = map[string]*certificate{}, c.young
	}
	c.young[string(key)] = found
}
