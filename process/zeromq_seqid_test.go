package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// seqIDOf is the number in an entry's envelope; 0 is none.
func seqIDOf(t *testing.T, envelope []byte) uint64 {
	t.Helper()
	var e struct {
		SeqID uint64 `json:"seq_id"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil {
		t.Fatal(err)
	}
	return e.SeqID
}

// TestSeqIDsSurviveKill ends a node that numbers its messages with kill -9 in the middle of four publishers, again and again:
// the numbers of all its lives are 1, 2, 3 … along the log, and old replay clients are given by them what the log holds.
func TestSeqIDsSurviveKill(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	replay := "ipc://" + filepath.Join(t.TempDir(), "r.sock")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{"FEDMSG_ZEROMQ_SEQ_ID=bugs.here", "FEDMSG_ZEROMQ_REPLAY=" + replay}})
	acked := newAcknowledged()
	for round := range fedmsgtest.Count(4, 60) {
		before := len(acked.snapshot())
		l := startLoad(t, node, 4, fmt.Sprintf("numbered-%d", round), acked)
		acked.await(t, before+1+rnd.IntN(1000), l.ended)
		if round%4 == 3 { // in good order for once
			node.Stop(t)
		} else {
			node.Kill9()
		}
		<-l.ended
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		// What a publisher put together is numbered too where the node signs it, and its repetition is not.
		whole := fmt.Sprintf(`{"topic":"org.example.dev.whole","msg":{},"msg_id":"2026-%d","timestamp":%d}`+"\n", round, time.Now().Unix())
		if r := node.CLI(t, strings.NewReader(whole+whole), "publish"); r.Status != 0 {
			t.Fatal(r)
		}
	}
	verify(t, node, acked.snapshot())
	entries := node.ReadAll(t)
	for i, e := range entries {
		if n := seqIDOf(t, e.Envelope); n != uint64(i+1) {
			t.Fatalf("entry %d of %d has the number %d", i+1, len(entries), n)
		}
	}
	p := startPeer(t, "REQ", replay, "RCVTIMEO=30000")
	from := max(1, len(entries)-50)
	for i, frame := range p.ask(fmt.Sprintf(`{"seq_id_range":[%d,%d]}`, from, len(entries)+10)) {
		if frame != string(entries[from-1+i].Envelope) {
			t.Fatalf("frame %d is %s, stored is %s", i, frame, entries[from-1+i].Envelope)
		}
	}
}

// TestSeqIDRightAfterTrimming has retention remove every message that was numbered: the next number goes on all the same.
func TestSeqIDRightAfterTrimming(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{
		"FEDMSG_ZEROMQ_SEQ_ID=bugs.here", "FEDMSG_LOG_MAX_BYTES=1MiB", "FEDMSG_LOG_SEGMENT_BYTES=64KiB",
	}})
	for k := range 5 {
		mustPublish(t, node, topic, fmt.Sprintf("old-%d", k), "x")
	}
	for life := 0; node.Log(t).First <= 5; life++ {
		for k := range 100 { // an envelope without an id of its own has no number
			if _, err := node.Publish(t.Context(), fmt.Appendf(nil, `{"topic":%q,"i":%d,"timestamp":%d,"msg":{"k":"%04000d"}}`, topic, life, time.Now().Unix(), k)); err != nil {
				t.Fatal(err)
			}
		}
		if life%2 == 0 {
			node.Kill9()
		} else {
			node.Stop(t)
		}
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
	}
	mustPublish(t, node, topic, "new", "x")
	if n := seqIDOf(t, entryOf(t, node, "new").Envelope); n != 6 {
		t.Errorf("the number is %d, want 6", n)
	}
}

// TestSeqIDSignedForOldReceivers holds that what this node numbers and signs in the old form is valid to old receivers, who
// parse it and encode it again, as it comes to subscribers and as it is replayed.
func TestSeqIDSignedForOldReceivers(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key.pem")
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/pki/shell-vm.example.com.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, text, 0o600); err != nil {
		t.Fatal(err)
	}
	replay := "ipc://" + filepath.Join(t.TempDir(), "r.sock")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{
		"FEDMSG_ZEROMQ_SEQ_ID=bugs.here", "FEDMSG_ZEROMQ_REPLAY=" + replay, "FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0?format=fedmsg1",
		"FEDMSG_SIGN=x509", "FEDMSG_SIGNING_X509_KEY=" + key,
		"FEDMSG_SIGNING_X509_CERTIFICATE=" + fedmsgtest.Shared(t, "interop/vectors/pki/shell-vm.example.com.crt"),
	}})
	sub := startSub(t, node, publishedOn(t, node, "fedmsg1")[0], []string{""})
	req := startPeer(t, "REQ", replay, "RCVTIMEO=30000")
	for i, body := range []string{
		`{}`, `{"z":1,"a":[1,2.50,1E5,-0,0.1e-7],"u":"é \u00e9 😀 \ud83d\ude00","h":"<>&\u007f/","b":{"10":1,"9":2,"é":3}}`,
		`{"seq_id":"no","signature":"x","certificate":null}`, `{"big":123456789012345678901234567890,"f":1e400}`,
	} {
		_, err := node.Publish(t.Context(), fmt.Appendf(nil, `{"topic":%q,"id":"m-%d","headers":{"k":"ü"},"msg":%s}`, topic, i, body))
		if err != nil {
			t.Fatal(err)
		}
		frames := sub.receive()
		if seqIDOf(t, []byte(frames[1])) != uint64(i+1) {
			t.Errorf("%s", frames[1])
		}
		if got := req.ask(fmt.Sprintf(`{"seq_id":%d}`, i+1)); !slices.Equal(got, frames[1:]) {
			t.Errorf("published %s, replayed %s", frames[1], got)
		}
		if subject, err := oldValidate(t, frames[1]); err != nil || !strings.Contains(subject, "CN = shell-vm.example.com") && !strings.Contains(subject, "CN=shell-vm.example.com") {
			t.Errorf("%s is not valid to old receivers: %v %s", frames[1], err, subject)
		}
		if _, err := oldValidate(t, strings.Replace(frames[1], fmt.Sprintf(`"seq_id":%d`, i+1), `"seq_id":77`, 1)); err == nil {
			t.Error("another number is valid too")
		}
	}
}

// oldValidate has an envelope judged by code that has nothing of this project.
func oldValidate(t *testing.T, envelope string) (subject string, err error) {
	t.Helper()
	fedmsgtest.Tool(t, "openssl")
	dir := t.TempDir()
	file := filepath.Join(dir, "envelope")
	if err := os.WriteFile(file, []byte(envelope), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(fedmsgtest.PythonZMQ(t), "testdata/oldvalidate.py", fedmsgtest.Shared(t, "interop/vectors/pki/ca.crt"), file, dir)
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, diag.String())
	}
	return string(out), err
}
