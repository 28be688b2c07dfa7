package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// openssl runs the program in a directory and gives what it printed, both ways, and whether its status was 0.
func openssl(t *testing.T, dir string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), fedmsgtest.Tool(t, "openssl"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), err == nil
}

// mustOpenssl is openssl that must go well.
func mustOpenssl(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, ok := openssl(t, dir, args...)
	if !ok {
		t.Fatalf("openssl %s: %s", strings.Join(args, " "), out)
	}
	return out
}

const opensslConfig = `[ca]
default_ca = it
[it]
database = index.txt
crlnumber = %s
default_md = %s
default_crl_days = 30
[req]
distinguished_name = dn
[dn]
`

// opensslSite is an authority of openssl's making, with two certificates of which number 17 (0x11) is revoked.
func opensslSite(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("index.txt", "R\t450101000000Z\t210101000000Z\t11\tunknown\t/CN=a\nV\t450101000000Z\t\t12\tunknown\t/CN=b\n")
	write("number", "01\n")
	write("v1.conf", strings.Replace(fmt.Sprintf(opensslConfig, "", "sha256"), "crlnumber = \n", "", 1))
	write("v1sha1.conf", strings.Replace(fmt.Sprintf(opensslConfig, "", "sha1"), "crlnumber = \n", "", 1))
	write("v2.conf", fmt.Sprintf(opensslConfig, "number", "sha256"))
	mustOpenssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/O=Site/CN=ca", "-days", "10",
		"-config", "v1.conf", "-addext", "basicConstraints=critical,CA:TRUE")
	for serial, name := range map[string]string{"17": "a", "18": "b"} {
		mustOpenssl(t, dir, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".csr", "-subj", "/O=Site/CN="+name, "-config", "v1.conf")
		mustOpenssl(t, dir, "x509", "-req", "-in", name+".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", serial, "-out", name+".crt", "-days", "5")
	}
	return dir
}

// TestListsOfOpenssl reads the lists that openssl makes, of both versions, and says of each certificate what it says.
func TestListsOfOpenssl(t *testing.T) {
	t.Parallel()
	dir := opensslSite(t)
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	a, err := NewAuthority(read("ca.crt"), false)
	if err != nil {
		t.Fatal(err)
	}
	for conf, version := range map[string]string{"v1": "Version 1 (0x0)", "v2": "Version 2 (0x1)"} {
		list := conf + ".pem"
		mustOpenssl(t, dir, "ca", "-config", conf+".conf", "-gencrl", "-keyfile", "ca.key", "-cert", "ca.crt", "-out", list)
		if text := mustOpenssl(t, dir, "crl", "-in", list, "-noout", "-text"); !strings.Contains(text, version) {
			t.Fatalf("%s is not of %s:\n%s", list, version, text)
		}
		mustOpenssl(t, dir, "crl", "-in", list, "-outform", "DER", "-out", conf+".der")
		for _, form := range []string{list, conf + ".der"} {
			c := mustList(t, a, read(form))
			for name, revoked := range map[string]bool{"a": true, "b": false} {
				out, good := openssl(t, dir, "verify", "-CAfile", "ca.crt", "-crl_check", "-CRLfile", list, name+".crt")
				if good == revoked {
					t.Fatalf("openssl says of %s by %s: %s", name, list, out)
				}
				l := mustIssue(t, a, unpem(t, read(name+".crt")))
				if err := c.Revoked(l, from.AddDate(2, 0, 0)); (fedmsg.CodeOf(err) == fedmsg.CodeRevoked) != revoked {
					t.Errorf("of %s by %s: %v", name, form, err)
				}
			}
		}
	}
	mustOpenssl(t, dir, "ca", "-config", "v1sha1.conf", "-gencrl", "-keyfile", "ca.key", "-cert", "ca.crt", "-out", "sha1.pem")
	_, err = a.ParseCRL(read("sha1.pem"))
	holdError(t, err, fedmsg.CodeConfig, "is signed with SHA-1")
}

// TestSchemesOfOpenssl holds that openssl takes, of what the standard library signs, the same as is taken here.
func TestSchemesOfOpenssl(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, how := range []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.SHA512WithRSAPSS} {
		i := newIssuer(t, "ca", rsaKeys[2048](), nil)
		data := i.leaf("a", edKey(t).Public(), func(c *x509.Certificate) { c.SignatureAlgorithm, c.SerialNumber = how, big.NewInt(5) })
		forged := bytes.Clone(data)
		forged[len(forged)-1] ^= 1
		for good, data := range map[bool][]byte{true: data, false: forged} {
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})
			if err := os.WriteFile(filepath.Join(dir, "leaf.crt"), text, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "ca.crt"), i.pem(), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := authority(t, false, i).Issued(data)
			if out, ok := openssl(t, dir, "verify", "-CAfile", "ca.crt", "leaf.crt"); ok != good || (err == nil) != good {
				t.Errorf("%s, good %v: openssl %v (%s), here %v", how, good, ok, out, err)
			}
		}
	}
	// Of openssl's own making: RSA-PSS with the longest salt.
	mustOpenssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-days", "10")
	mustOpenssl(t, dir, "req", "-newkey", "ed25519", "-nodes", "-keyout", "a.key", "-out", "a.csr", "-subj", "/CN=a")
	mustOpenssl(t, dir, "x509", "-req", "-in", "a.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-out", "a.crt", "-days", "5",
		"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-2", "-sha384")
	var texts [2][]byte
	for n, name := range []string{"ca.crt", "a.crt"} {
		var err error
		if texts[n], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := NewAuthority(texts[0], false)
	if err != nil {
		t.Fatal(err)
	}
	mustIssue(t, a, unpem(t, texts[1]))
}

// TestShortKeys holds that RSA keys of fewer than 1024 bits are taken from nobody. The standard library makes none.
func TestShortKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOpenssl(t, dir, "req", "-x509", "-newkey", "rsa:768", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-days", "10")
	text, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewAuthority(text, true)
	holdError(t, err, fedmsg.CodeConfig, "has 768 bits; 1024 to 8192 are taken")
	i := newIssuer(t, "ca", edKey(t), nil)
	_, err = authority(t, true, i).Issued(i.leaf("a", parse(t, unpem(t, text)).PublicKey, nil))
	holdError(t, err, fedmsg.CodeWeakSignature, "has 768 bits; 1024 to 8192 are taken")
}
