package trust

import (
	"crypto/rsa"

	"github.com/federated-messaging/fedmsg"
)

// issued parses a certificate and finds the roots that issued it. Of several reasons why none did, the one is told that says
// more than that it is unknown.
func (n *snapshot) issued(der []byte) (*certificate, error) {
	c := &certificate{}
	fault := error(fedmsg.Errorf(fedmsg.CodeUnknownSigner,
		"no trust root of this node has certificate authorities; whoever runs it can add the authority to [[trust]]"))
	for i, r := range n.roots {
		if r.authority == nil {
			continue
		}
		leaf, err := r.authority.Issued(der)
		if err != nil {
			if len(c.speakers) == 0 && (fedmsg.CodeOf(fault) == fedmsg.CodeUnknownSigner) {
				fault = err
			}
			continue
		}
		if c.leaf == nil {
			c.leaf = leaf
			c.rsa, _ = leaf.Certificate.PublicKey.(*rsa.PublicKey)
		}
		c.speakers = append(c.speakers, speakerAt{root: i, leaf: leaf, signer: r.Name + "/" + leaf.Name})
	}
	if c.leaf == nil {
		return nil, fault
	}
	return c, nil
}

// speakers gives those who speak with a certificate, as the roots are now.
func (n *snapshot) speakers(c *certificate) []speaker {
	list := make([]speaker, len(c.speakers))
	for i, at := range c.speakers {
		list[i] = speaker{root: n.roots[at.root], name: at.leaf.Name, signer: at.signer, leaf: at.leaf}
	}
	return list
}
