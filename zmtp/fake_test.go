package zmtp

import (
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"testing"
	"time"
)

// fake is a peer that sends and awaits exact bytes.
type fake struct {
	t  *testing.T
	nc net.Conn
}

// dialFake connects a fake peer to a listener.
func dialFake(t *testing.T, ln *Listener) *fake {
	t.Helper()
	a, err := parseURI(ln.URI(), false)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial(a.network, a.name)
	if err != nil {
		t.Fatal(err)
	}
	return newFake(t, nc)
}

func newFake(t *testing.T, nc net.Conn) *fake {
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &fake{t, nc}
}

// send sends what the texts say: hexadecimal digits, in which blanks do not count, or with a quote in front the text itself.
func (f *fake) send(texts ...string) {
	f.t.Helper()
	if _, err := f.nc.Write(wireBytes(f.t, texts...)); err != nil {
		f.t.Error(err)
	}
}

// expect awaits exactly these bytes.
func (f *fake) expect(texts ...string) {
	f.t.Helper()
	want := wireBytes(f.t, texts...)
	got := make([]byte, len(want))
	n, err := io.ReadFull(f.nc, got)
	if err != nil || !bytes.Equal(got, want) {
		f.t.Errorf("came: %x (%v)\nwant: %x", got[:n], err, want)
	}
}

// expectEnd awaits the end of the connection, and gives what came before it.
func (f *fake) expectEnd() []byte {
	f.t.Helper()
	rest, err := io.ReadAll(f.nc)
	if err, ok := err.(net.Error); ok && err.Timeout() {
		f.t.Errorf("the connection has not ended; came: %x", rest)
	}
	return rest
}

// wireBytes is the bytes that the texts stand for.
func wireBytes(t *testing.T, texts ...string) []byte {
	t.Helper()
	var all []byte
	for _, text := range texts {
		if text != "" && text[0] == '\'' {
			all = append(all, text[1:]...)
			continue
		}
		b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(text), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// What stands in the greetings, as the RFCs have it.
const (
	wireSignature = "ff 0000000000000001 7f"
	wireNULL      = "4e554c4c 00000000 00000000 00000000 00000000"
	wirePLAIN     = "504c4149 4e000000 00000000 00000000 00000000"
	wireClient    = "00 00000000000000000000000000000000000000000000000000000000000000"
	wireServer    = "01 00000000000000000000000000000000000000000000000000000000000000"
)

// shake3 makes the handshake of ZMTP 3 with NULL, as a peer of the type that is named.
func (f *fake) shake3(minor, kind string) {
	f.t.Helper()
	f.send(wireSignature, "03", minor, wireNULL, wireClient)
	f.expect(wireSignature, "03 01", wireNULL, wireClient)
	f.send("04", hex.EncodeToString([]byte{byte(6 + 12 + 4 + len(kind))}), "05", "'READY", "0b", "'Socket-Type", "000000", hex.EncodeToString([]byte{byte(len(kind))}), "'"+kind)
}
