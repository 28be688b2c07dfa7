package mailmsg_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// TestMemory holds that mails at their limits take little beside themselves: contents are decoded when they are asked for, and up to
// what was asked for.
func TestMemory(t *testing.T) { // not parallel: it counts what the whole process takes
	const most = 6 << 20 // bytes
	for name, raw := range map[string]string{
		"a large file":      "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("QUJD", 5<<20),
		"a large text":      "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("a=20", 5<<20),
		"parts":             "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n"+strings.Repeat("x", 20_000)+"\n", 999),
		"fields":            strings.Repeat("A: b\n", 10_000) + "\n",
		"boundaries nearly": "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--bc\n", 1<<20),
		"signed nearly":     "\n" + strings.Repeat("-----BEGIN PGP SIGNED MESSAGE-----\n", 500_000),
	} {
		var before, behind runtime.MemStats
		data := []byte(raw)
		runtime.ReadMemStats(&before)
		m, err := mailmsg.Parse(data, mailmsg.Limits{Bytes: 50 << 20})
		if err != nil {
			t.Fatal(err)
		}
		m.Text(64 << 10)
		m.Signed(1 << 20)
		runtime.ReadMemStats(&behind)
		if taken := behind.TotalAlloc - before.TotalAlloc; taken > most {
			t.Errorf("%s: a mail of %d bytes takes %d more", name, len(raw), taken)
		}
	}
}
