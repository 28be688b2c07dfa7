package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// indexFormat is the number of the form in which this version writes. It reads every older one.
const indexFormat = 1

// index is index.json: what an authority must not forget.
type index struct {
	Format       int      `json:"format"`
	Name         string   `json:"name"`
	ListNumber   int64    `json:"list_number"` // of the revocation list that belongs to what is below
	ListValid    string   `json:"list_valid"`
	Certificates []Record `json:"certificates"`
}

// Record is one certificate that an authority issued.
type Record struct {
	Name      string         `json:"name"`
	Serial    string         `json:"serial"` // in hex, lower case
	Algorithm keys.Algorithm `json:"algorithm"`
	Issued    time.Time      `json:"issued"`
	Expires   time.Time      `json:"expires"`
	Revoked   time.Time      `json:"revoked,omitzero"` // from when on
	File      string         `json:"file"`             // the name of its files, without .crt and .key
}

// InForce reports whether a certificate is neither revoked nor over.
func (r *Record) InForce(now time.Time) bool { return r.Revoked.IsZero() && now.Before(r.Expires) }

// ahead reports whether there are revocations that the list may not have.
func (x *index) ahead(list *CRL) bool {
	return list.number == nil || list.number.Cmp(big.NewInt(x.ListNumber)) < 0
}

// listValid is how long revocation lists are valid.
func (x *index) listValid() time.Duration {
	d, _ := time.ParseDuration(x.ListValid) // checked when it was read
	return d
}

func readIndex(dir string) (index, error) {
	path := filepath.Join(dir, caIndex)
	data, err := os.ReadFile(path)
	if err != nil {
		return index{}, noCA(dir, err)
	}
	var head struct {
		Format int `json:"format"` // first: a newer form may have what this version would call unknown
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return index{}, fedmsg.WrapError(fedmsg.CodeConfig, err, "%s is not JSON; restore it from a backup", path)
	}
	if head.Format > indexFormat {
		return index{}, fedmsg.Errorf(fedmsg.CodeFormat, "%s has format %d and this version knows formats up to %d; use a newer fedmsg", path, head.Format, indexFormat)
	}
	var x index
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // a misspelt "revoked" must not bring a certificate back
	if err := d.Decode(&x); err != nil {
		return index{}, fedmsg.WrapError(fedmsg.CodeConfig, err, "%s does not make sense; restore it from a backup", path)
	}
	valid, err := time.ParseDuration(x.ListValid)
	if err != nil || valid <= 0 || x.Format < 1 || x.ListNumber < 1 {
		return index{}, fedmsg.Errorf(fedmsg.CodeConfig, "%s has no good format, list_number or list_valid; restore it from a backup", path)
	}
	for i, r := range x.Certificates {
		if _, ok := parseSerial(r.Serial); !ok || CheckName(r.Name) != nil {
			return index{}, fedmsg.Errorf(fedmsg.CodeConfig, "certificate %d of %s has no good name or serial number; restore it from a backup", i+1, path)
		}
	}
	return x, nil
}

func (c *CA) saveIndex() error {
	data, err := json.MarshalIndent(c.index, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(c.fs, filepath.Join(c.dir, caIndex), append(data, '\n'), 0o600)
}

// Overview is what an authority can be asked for without its key.
type Overview struct {
	Name         string
	Expires      time.Time
	Certificates []Record  // in the order in which they were issued
	ListUntil    time.Time // when the revocation list is out of date
	Unfinished   bool      // the revocation list lacks what an interrupted run was about to write
}

// ReadCA looks at an authority without keeping others out.
func ReadCA(dir string) (Overview, error) {
	x, err := readIndex(dir)
	if err != nil {
		return Overview{}, err
	}
	cert, err := readCACert(dir)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Name: x.Name, Expires: cert.NotAfter, Certificates: x.Certificates}
	list, err := readList(dir, cert)
	if err != nil {
		o.Unfinished = true
		return o, nil
	}
	o.ListUntil, o.Unfinished = list.NextUpdate, x.ahead(list)
	return o, nil
}

// CheckName refuses what cannot be the name of a certificate: it becomes a common name, the name of files, and the end of a
// signer's name.
func CheckName(name string) error {
	good := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-@", r)
	}
	bad := strings.IndexFunc(name, func(r rune) bool { return !good(r) })
	switch {
	case name == "" || len(name) > 64:
		return fedmsg.Errorf(fedmsg.CodeUsage, "the name of a certificate has 1 to 64 characters, as in shell-host1.example.com; this one has %d", len(name))
	case bad >= 0:
		return fedmsg.Errorf(fedmsg.CodeUsage, "the name of a certificate has letters, digits, dots, dashes, underscores and @, as in shell-host1.example.com, not %q", clip(name[bad:]))
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-"):
		return fedmsg.Errorf(fedmsg.CodeUsage, "the name of a certificate begins with a letter or digit, not as %q does", name)
	}
	return nil
}

// newSerial gives a number that no other certificate has, of 127 bits and always the same length.
func newSerial() (*big.Int, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("no random number: %w", err)
	}
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}

// parseSerial reads a serial number in hex, as fedmsg and openssl write it.
func parseSerial(s string) (*big.Int, bool) {
	s = strings.ReplaceAll(s, ":", "")
	if s == "" || len(s) > 40 || strings.ContainsAny(s, "+-_") {
		return nil, false
	}
	return new(big.Int).SetString(s, 16)
}

// keyID names a key within certificates (RFC 7093, method 1).
func keyID(key crypto.PublicKey) ([]byte, error) {
	data, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return sum[:20], nil
}
