package mailmsg_test

import (
	"bytes"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// somebody makes a key.
func somebody(t *testing.T) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("Ann", "", "ann@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// check has OpenPGP say whether the signature is over the text.
func check(t *testing.T, key *openpgp.Entity, s mailmsg.Signed) {
	t.Helper()
	_, err := openpgp.CheckArmoredDetachedSignature(openpgp.EntityList{key}, bytes.NewReader(s.Bytes), bytes.NewReader(s.Signature), nil)
	if err != nil {
		t.Errorf("the signature is not over %q: %s", s.Bytes, err)
	}
}

// TestClearSigned holds that what is taken out of a clear-signed mail is what was signed, through each encoding, whatever the lines
// begin or end with, and whatever the mail calls the charset, which nobody signed.
func TestClearSigned(t *testing.T) {
	t.Parallel()
	key := somebody(t)
	for text, want := range map[string]string{
		"a":           "a",
		"Source: x\n": "Source: x\n",
		"- a\n--b\n-----BEGIN PGP SIGNATURE-----": "- a\n--b\n-----BEGIN PGP SIGNATURE-----",
		"café  \t\n\n \nend":                      "café\n\n\nend",
		"\n\n":                                    "\n\n",
		"a =\n=3D\n":                              "a =\n=3D\n",
	} {
		var signed bytes.Buffer
		w, err := clearsign.Encode(&signed, key.PrivateKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		var quoted strings.Builder
		q := quotedprintable.NewWriter(&quoted)
		if _, err := q.Write(signed.Bytes()); err != nil || q.Close() != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{
			signed.String(), "before\n\n" + signed.String() + "\nbehind",
			"Subject: x\r\n\r\n" + strings.ReplaceAll(signed.String(), "\n", "\r\n"),
			"Content-Transfer-Encoding: quoted-printable\n\nThanks=2E\n\n" + quoted.String(),
			"Content-Type: text/plain; charset=shift_jis\n\n" + signed.String(),
			"Content-Type: text/plain; charset=iso-2022-kr\n\n" + signed.String(),
		} {
			all := parse(t, raw).Signed(1 << 20)
			if len(all) != 1 || !all[0].Clear || all[0].Text != want {
				t.Fatalf("%q: %+v, want %q", raw, all, want)
			}
			check(t, key, all[0])
		}
	}
}

// TestMultipartSigned holds that of a mail signed as PGP/MIME each byte of the signed part is given, with its header, and that a
// clear-signed text within it is given too, behind it.
func TestMultipartSigned(t *testing.T) {
	t.Parallel()
	key := somebody(t)
	part := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 =20\r\n" +
		"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\na\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n\r\n-----END PGP SIGNATURE-----\r\n"
	var armour bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&armour, key, strings.NewReader(part), nil); err != nil {
		t.Fatal(err)
	}
	raw := "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=\"==b==\"\r\n\r\n--==b==\r\n" + part +
		"\r\n--==b==\r\nContent-Type: application/pgp-signature\r\n\r\n" + armour.String() + "\r\n--==b==--\r\n"
	for _, raw := range []string{raw, strings.ReplaceAll(raw, "\r\n", "\n")} {
		all := parse(t, raw).Signed(1 << 20)
		if len(all) != 2 || all[0].Clear || !all[1].Clear || all[1].Text != "a" || all[0].Part != all[1].Part {
			t.Fatalf("%+v", all)
		}
		check(t, key, all[0])
	}
}

// TestNotSigned holds that what only looks like a signed text is none.
func TestNotSigned(t *testing.T) {
	t.Parallel()
	const begin, middle, end = "-----BEGIN PGP SIGNED MESSAGE-----\n", "-----BEGIN PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\n"
	for name, raw := range map[string]string{
		"quoted":            "\n> " + begin + "> \n> a\n> " + middle + "> " + end,
		"no end":            "\n" + begin + "\na\n" + middle,
		"no signature":      "\n" + begin + "\na\n",
		"another header":    "\n" + begin + "Comment: x\n\na\n" + middle + end,
		"only a signature":  "\na\n" + middle + end,
		"in a mail in it":   "Content-Type: message/rfc822\n\n\n" + begin + "\na\n" + middle + end,
		"in a file":         "Content-Type: application/octet-stream\n\n" + begin + "\na\n" + middle + end,
		"without a key":     "Content-Type: multipart/signed; boundary=b\n\n--b\n\na\n--b\n\nb\n--b--",
		"three parts of it": "Content-Type: multipart/signed; protocol=application/pgp-signature; boundary=b\n\n--b\n\na\n--b\n\nb\n--b\n\nc\n--b--",
	} {
		if all := parse(t, raw).Signed(1 << 20); len(all) != 0 {
			t.Errorf("%s: %+v", name, all)
		}
	}
	if all := parse(t, strings.Repeat(begin+"\na\n"+middle+end, 100)).Signed(1 << 20); len(all) != 16 {
		t.Errorf("%d texts are given of 100, want 16", len(all))
	}
}
