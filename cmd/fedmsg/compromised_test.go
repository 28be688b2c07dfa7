package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/daemon"
)

// What the signed log of these tests has.
const (
	lostName = "app.example.org"
	lostKey  = "6ba5c2b1f5c7c9bb8df1bd8e8b8b4f7a3f0c3bb9a9d8c7b6a5f4e3d2c1b0a998"
	lostPGP  = "4C6C1EF1E5F4A5B7C8D90A1B2C3D4E5F60718293"
)

// lostCertificate makes a certificate of lostName in DER.
func lostCertificate() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: lostName}}
	return x509.CreateCertificate(rand.Reader, &t, &t, key.Public(), key)
}

// signedKinds gives one record of each way in which a signer can have to do with a message, and some of none.
func signedKinds(der []byte) []fedmsg.Record {
	old := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	old = old[:76] + `\n` + old[76:] + `\n`
	detached := func(text string) []byte { return []byte(`[{"keyid":"` + text + `"}]`) }
	return []fedmsg.Record{
		{Topic: "t.key", Signer: "bts", Verdict: fedmsg.VerdictOK, Signatures: detached(lostKey + `","sig":"AAAA`)},
		{Topic: "t.certificate", Signer: "hosts/" + lostName, Verdict: fedmsg.VerdictOK},
		{Topic: "t.old", Verdict: fedmsg.VerdictUnchecked, Envelope: []byte(`,"crypto":"x509","signature":"AAAA","certificate": "` + old + `"`)},
		{Topic: "t.unchecked", Verdict: fedmsg.VerdictUnchecked, Signatures: detached(strings.ToUpper(lostKey) + `","sig":"AAAA`)},
		{Topic: "t.dsse", Verdict: fedmsg.VerdictUnchecked, Signatures: detached(`x","sig":"AAAA","cert":"` + base64.StdEncoding.EncodeToString(der))},
		{Topic: "t.none", Verdict: fedmsg.VerdictUnsigned, Envelope: []byte(`,"headers":{"certificate":"` + lostName + `","x":"` + lostName + `"}`)},
		{Topic: "t.other", Signer: "hosts/other.example.org", Verdict: fedmsg.VerdictOK},
		{Topic: "t.pgp", Signer: "mail/" + lostPGP, Verdict: fedmsg.VerdictTopicNotCovered},
		{Topic: "t.hidden", Verdict: fedmsg.VerdictUnchecked, Envelope: []byte(`,"signature":"AAAA","\u0063ertificate":"` + old + `"`)},
		{Topic: "t.namesake", Signer: "guests/" + lostName, Verdict: fedmsg.VerdictOK},
	}
}

// writeSigned makes a log of n entries of these kinds by turns, received one minute after the other.
func writeSigned(dir string, n, pad, segment int) error {
	der, err := lostCertificate()
	if err != nil {
		return err
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	log, err := commitlog.Open(dir, commitlog.Options{SegmentBytes: int64(segment), Now: func() time.Time { return now }})
	if err != nil {
		return err
	}
	kinds := signedKinds(der)
	for from := 0; from < n; from += len(kinds) {
		records := make([]fedmsg.Record, len(kinds))
		for i, r := range kinds {
			r.ID = fmt.Sprintf("id-%d", from+i+1)
			r.Envelope = fmt.Appendf(nil, `{"topic":%q,"msg":{"pad":"%s"},"msg_id":%q%s}`, r.Topic, bytes.Repeat([]byte{'x'}, pad), r.ID, r.Envelope)
			records[i] = r
		}
		ticket, err := log.Submit(context.Background(), records...)
		if err == nil && (from/len(kinds)%100 == 99 || n < 10_000) {
			_, err = ticket.Wait(context.Background())
		}
		if err != nil {
			return err
		}
		now = now.Add(time.Minute)
	}
	return log.Close()
}

// makeSigned is "makesigned STATE N": a state directory whose log has N entries, ten of them each minute from the beginning of
// 2026 on.
func makeSigned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: makesigned STATE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(writeSigned(daemon.LogDir(ts.MkAbs(args[0])), n, 10, 64<<10))
}

// TestCompromisedTopics counts topics in a log whose entries share memory that is written again.
func TestCompromisedTopics(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if err := writeSigned(daemon.LogDir(state), 6000, 800, 64<<20); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if status := runCompromised(t.Context(), state, "hosts", &out, &errs); status != 0 {
		t.Fatal(status, errs.String())
	}
	if got := errs.String(); !strings.HasSuffix(got, ":\n     600 t.certificate\n     600 t.other\n") || strings.Count(out.String(), "\n") != 1200 {
		t.Errorf("%s%.200s", got, out.String())
	}
}

// runCompromised runs the verb in this process.
func runCompromised(ctx context.Context, state, signer string, out, errs *bytes.Buffer) int {
	p := &program{
		name: "fedmsg", args: []string{"keys", "compromised", "--signer", signer, "--since", "2020-01-01", "--state", state},
		stdout: out, stderr: errs, environ: func() []string { return []string{"HOME=" + state} },
	}
	return p.run(ctx)
}

// BenchmarkCompromised looks for a signer among messages of 1 KB.
func BenchmarkCompromised(b *testing.B) {
	state, count := b.TempDir(), fedmsgtest.Count(100_000, 1_000_000)
	if err := writeSigned(daemon.LogDir(state), count, 800, 64<<20); err != nil {
		b.Fatal(err)
	}
	for _, signer := range []string{"hosts/" + lostName, lostKey, "nobody"} {
		b.Run(signer[:6], func(b *testing.B) {
			for b.Loop() {
				var out, errs bytes.Buffer
				if runCompromised(b.Context(), state, signer, &out, &errs) != 0 || !strings.Contains(errs.String(), fmt.Sprintf("of %d messages", count)) {
					b.Fatal(errs.String())
				}
			}
			b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
