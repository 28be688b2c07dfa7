package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// signersInLog is how many signers share the messages of the log in which a compromised one is looked for.
const signersInLog = 10

// compromised measures a whole `fedmsg keys compromised`, which lists a tenth of the messages.
func compromised(ctx context.Context, b *bench) (sample, error) {
	state, err := b.theSignedLog(ctx)
	if err != nil {
		return sample{}, err
	}
	out, err := os.Create(filepath.Join(b.dir, "compromised.out"))
	if err != nil {
		return sample{}, err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, b.tool("fedmsg"), "keys", "compromised", "--signer", signerName(0), "--since", "1d", "--state", state)
	cmd.Env, cmd.Dir, cmd.Stdout = b.nodeEnv(), b.dir, out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("fedmsg keys compromised: %w", err)
	}
	took := time.Since(start)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		return sample{}, err
	}
	lines := newCounter("\n")
	want := (b.fillCount() + signersInLog - 1) / signersInLog
	if lines.add(text); lines.n != want {
		return sample{}, fmt.Errorf("%d of %d messages were listed", lines.n, want)
	}
	return sample{span: took}, nil
}

func signerName(i int) string { return fmt.Sprintf("hosts/app%02d.example.org", i) }

// theSignedLog gives a state directory whose log has a million messages with signatures, which is written at first use. No time
// is taken of it, so that the signatures are only of the right size and form.
func (b *bench) theSignedLog(ctx context.Context) (string, error) {
	state := filepath.Join(b.dir, "signed")
	dir := filepath.Join(state, "log")
	if _, err := os.Stat(dir); err == nil {
		return state, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	l, err := commitlog.Open(dir, commitlog.Options{})
	if err != nil {
		return "", err
	}
	defer l.Close()
	for n := 0; n < b.fillCount(); n += signersInLog * batch {
		if err := appendSigned(ctx, l, min(signersInLog*batch, b.fillCount()-n)); err != nil {
			return "", err
		}
	}
	return state, nil
}

// appendSigned stores messages, the signers in turn.
func appendSigned(ctx context.Context, l *commitlog.Log, n int) error {
	records, now := make([]fedmsg.Record, n), time.Now()
	for i := range records {
		signer, sig := signerName(i%signersInLog), make([]byte, 64)
		rand.Read(sig)
		key := sha256.Sum256([]byte(signer))
		e := envelope(now, uint64(i+1))
		records[i] = fedmsg.Record{
			ID: wire.NewID(now), FreshID: true, Topic: benchTopic, Envelope: e, Signer: signer, Verdict: fedmsg.VerdictOK,
			Signatures: wire.AppendSignatures(nil, []wire.Signature{{KeyID: hex.EncodeToString(key[:]), Sig: sig}}),
		}
	}
	ticket, err := l.Submit(ctx, records...)
	if err != nil {
		return err
	}
	return await(ctx, ticket)
}
