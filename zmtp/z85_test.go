package zmtp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// The first is the example of RFC 32, the others are keys of libzmq's manual of zmq_curve.
var z85Examples = []struct{ data, text string }{
	{"864fd26fb559f75b", "HelloWorld"},
	{"bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"},
	{"7bb864b489afa3671fbe69101f94b38972f24816dfb01b51656b3fec8dfd0888", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"},
	{"54fcba24e93249969316fb617c872bb0c1d1ff14800427c594cbfacf1bc2d652", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"},
	{"8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"},
	{"00000000ffffffff", "00000%nSc0"},
	{"", ""},
}

func TestZ85(t *testing.T) {
	t.Parallel()
	for _, example := range z85Examples {
		data, err := hex.DecodeString(example.data)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(appendZ85(nil, data)); text != example.text {
			t.Errorf("%s is %q, not %q", example.data, text, example.text)
		}
		got := make([]byte, len(data))
		if err := decodeZ85(got, example.text); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q is %x, %v; not %s", example.text, got, err, example.data)
		}
	}
}

func TestParseCurveKeyErrors(t *testing.T) {
	t.Parallel()
	good := z85Examples[1].text
	for text, want := range map[string]string{
		"":                             "it has 0 characters, not 40",
		good[1:]:                       "it has 39 characters, not 40",
		good + "\n":                    "it has 41 characters, not 40",
		good[:7] + " " + good[8:]:      "its character 8 is none of Z85's",
		good[:39] + "\xc3":             "its character 40 is none of Z85's",
		good[:5] + "%nSc1" + good[10:]: "its characters 6 to 10 say more than 4 bytes can",
		good[:35] + "#####":            "its characters 36 to 40 say more than 4 bytes can",
	} {
		_, err := ParseCurveKey(text)
		_, secretErr := ParseCurveSecret(text)
		for _, err := range []error{err, secretErr} {
			if !errors.Is(err, errNotCurve) || !strings.HasSuffix(err.Error(), ": "+want) {
				t.Errorf("%q: %v, not %s", text, err, want)
			}
			for at := 0; at+4 <= len(text); at++ {
				if strings.Contains(err.Error(), text[at:at+4]) {
					t.Errorf("%v shows a part of %q", err, text)
				}
			}
		}
	}
}
