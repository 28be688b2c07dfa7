package process

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/doctor"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestDoctor has a node with real faults examined: each is found, with its cure; and again when the node is gone.
func TestDoctor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	skewed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(skewed.Close)
	r, spool := newRecorder(t), filepath.Join(dir, "spool")
	r.put("gate")
	settings := r.config("gated") + fmt.Sprintf("[[sink]]\nname = \"far\"\nto = %q\ntopics = [\"#\"]\ncredentials = %q\nca = %q\n[spool]\ndirectory = %q\n",
		skewed.URL, file("credentials", "user:secret", 0o644), file("ended.pem", endedCertificate(t), 0o600), spool)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: settings})
	if w := awaitSinks(t, node, numbered(1, "lab.step", ""), "gated", time.Millisecond); w.ID == "" {
		t.Fatalf("it was not published: %+v", w)
	}
	for sinkOf(t, node, "gated").LastError == "" {
		if t.Context().Err() != nil {
			t.Fatal("the sink gets through")
		}
	}
	file("spool/rejected/1.env", "{}", 0o600)
	changed := file("changed.toml", "topic_prefix = \"org.changed\"\n"+settings, 0o600)

	report := examine(t, node, changed, spool, 2)
	if !report.Running || report.Findings[0].Check != "node" || report.Findings[0].Status != ops.OK {
		t.Errorf("the node is not seen: %+v", report.Findings[0])
	}
	wantFinding(t, report, "running configuration", "topic_prefix", ops.Warning, "restart the node")
	wantFinding(t, report, "sinks", "gated", ops.Warning, "fedmsg sink show gated")
	wantFinding(t, report, "clock", "sink far", ops.Failed, "timedatectl")
	wantFinding(t, report, "certificates", "ca of sink far", ops.Failed, "put the new certificate")
	wantFinding(t, report, "permissions", "credentials of sink far", ops.Failed, "chmod 600 ")
	wantFinding(t, report, "spool", "rejected", ops.Warning, "NAME.reason")
	wantFinding(t, report, "health", "log-write", ops.OK, "")
	if text, _ := json.Marshal(report); strings.Contains(string(text), "secret\"") || strings.Contains(string(text), "user:secret") {
		t.Error("the credentials are shown")
	}

	node.Stop(t)
	file("spool/"+fmt.Sprintf("%020d-%d-x.env", 1, os.Getuid()), "{}", 0o600)
	report = examine(t, node, changed, spool, 2)
	if report.Running || report.Findings[0].Check != "node" || report.Findings[0].Status != ops.Failed {
		t.Errorf("that there is no node is not said first: %+v", report.Findings[0])
	}
	wantFinding(t, report, "spool", spool+"\x00", ops.Warning, "systemctl start")
	wantFinding(t, report, "sinks", "gated", ops.OK, "")
}

// examine runs the doctor on a node with a configuration file, and holds its exit status and that it is done in time.
func examine(t *testing.T, node *fedmsgtest.Node, config, spool string, status int) (report doctor.Report) {
	t.Helper()
	c := node.Command(nil, "doctor", "--config", config, "--format", "json")
	c.Env = append(c.Env, "FEDMSG_STATE="+node.State, "FEDMSG_HTTP_LISTEN=http://127.0.0.1:0", "FEDMSG_HTTP_SOCKET=unix://"+node.Socket,
		"FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0", "FEDMSG_ARCHIVE_STORE=none", "FEDMSG_SPOOL_DIRECTORY="+spool)
	r, err := c.Run()
	if err != nil || r.Status != status {
		t.Fatalf("doctor: %v %s", err, r)
	}
	if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// TestDoctorTellsNobodyElse holds that the doctor asks through no proxy, and shows no token where others can read along.
func TestDoctorTellsNobodyElse(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(proxy.Close)
	for token, why := range map[string]string{"": "no node answers", "s3cret": "without encryption"} {
		// The address of all interfaces is one of this machine, but none that is left out where a proxy is set.
		c := fedmsgtest.Command{
			Args: []string{"doctor", "--node", "http://0.0.0.0:1", "--config", os.DevNull, "--format", "json"}, Binary: fedmsgtest.Binary(t),
			Env: []string{"http_proxy=" + proxy.URL, "FEDMSG_TOKEN=" + token, "FEDMSG_STATE=" + t.TempDir()},
		}
		r, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		var report doctor.Report
		if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil {
			t.Fatalf("%v: %s", err, r)
		}
		if f := report.Findings[0]; report.Running || f.Status != ops.Failed || !strings.Contains(f.Text, why) {
			t.Errorf("with the token %q: %+v", token, f)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the proxy was asked %d times", n)
	}
}

// wantFinding holds that a check has told of what it looked at, whose name begins so, or is it where it ends with a NUL.
func wantFinding(t *testing.T, report doctor.Report, check, looked string, status ops.Status, cure string) {
	t.Helper()
	name, whole := strings.CutSuffix(looked, "\x00")
	for _, f := range report.Findings {
		if f.Check != check || whole && f.Looked != name || !whole && !strings.Contains(f.Looked, name) {
			continue
		}
		if f.Status != status || !strings.Contains(f.Cure, cure) {
			t.Errorf("%+v is not %s, or has not the cure %q", f, status, cure)
		}
		return
	}
	t.Errorf("the check %s says nothing of %s: %+v", check, looked, report.Findings)
}

// endedCertificate is a certificate, PEM, that ended a day ago.
func endedCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ended"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
