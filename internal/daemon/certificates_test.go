package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestCertificates has the log told at the start and each day of what ends, and the health and the metrics at once, until it is renewed.
func TestCertificates(t *testing.T) {
	authority, err := fedmsgtest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	day := authority.IssueFor(t, "node") // for a day
	years := fedmsgtest.Shared(t, "interop", "vectors", "pki", "ca.crt")
	both := filepath.Join(t.TempDir(), "both.pem")
	text := readAll(t, years) + readAll(t, day.Certificate)
	if err := os.WriteFile(both, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var c config.Config
	c.HTTP.Listen = []string{"https://127.0.0.1:0?cert=" + day.Certificate + "&key=" + day.Key + "&client_ca=" + both, "https://127.0.0.1:0?cert=" + day.Certificate + "&key=" + day.Key}
	c.Signing.X509Certificate = filepath.Join(t.TempDir(), "gone")
	said := &bytes.Buffer{}
	all := newCertificates(&c, slog.New(slog.NewTextHandler(said, nil)))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(all)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || len(families[0].GetMetric()) != 2 || families[0].GetMetric()[0].GetGauge().GetValue() <= float64(time.Now().AddDate(5, 0, 0).Unix()) {
		t.Errorf("the metrics are %v, %v", families, err) // the authorities', of which one is good for long, comes first
	}
	check := all.checks()[0]
	for _, want := range []string{"http.listen 127.0.0.1:0: it ends on ", "signing.x509_certificate: it is not there"} {
		if check.Status != ops.Warning || !strings.Contains(check.Text, want) || strings.Contains(check.Text, "client_ca") {
			t.Errorf("%+v lacks %q, or has more", check, want)
		}
	}
	synctest.Test(t, func(t *testing.T) { // which begins in the year 2000: all is well with the certificates, but for the one that is not there
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); all.run(ctx) }()
		time.Sleep(2*certificateEvery + time.Hour)
		cancel()
		<-done
	})
	if n := strings.Count(said.String(), "look after a certificate"); n != 3 {
		t.Errorf("in two days it is told %d times: %s", n, said)
	}
	for at, want := range map[time.Duration]string{-40 * 24 * time.Hour: "", 0: "it ends on", 48 * time.Hour: "it ended on"} {
		if text := trouble(&all.files[0], time.Now().Add(at)); (text == "") != (want == "") || !strings.HasPrefix(text, want) {
			t.Errorf("at %s: %q", at, text)
		}
	}
	c.HTTP.Listen, c.Signing.X509Certificate = []string{"https://127.0.0.1:0?cert=" + years}, ""
	if checks := newCertificates(&c, nil).checks(); len(checks) != 1 || checks[0].Status != ops.OK {
		t.Errorf("of good ones: %+v", checks)
	}
	if checks := newCertificates(&config.Config{}, nil).checks(); len(checks) != 0 {
		t.Errorf("of none: %+v", checks)
	}
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
