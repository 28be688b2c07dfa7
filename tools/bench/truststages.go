package main

import (
	"context"
	"fmt"
	"time"
)

// micros is a time as the reports show it.
func micros(d time.Duration) float64 { return float64(d) / 1e3 }

func acceptStage() stage {
	return stage{
		title: "Ed25519, processor time of a message at the door, in this process, on one processor",
		contenders: []contender{
			{name: "door-unsigned", title: "submissions, nothing signed or verified (verify = if-signed)", run: acceptUnsigned},
			{name: "door-signing", title: "submissions, each signed by the node", run: acceptSigning},
			{name: "bare-sign", title: "`ed25519.Sign` of the same bytes", peer: true, run: signBare},
			{name: "door-envelopes", title: "whole envelopes, nothing signed or verified (verify = if-signed)", run: acceptEnvelopes},
			{name: "door-verifying", title: "whole envelopes in DSSE, each verified (verify = require)", run: acceptVerifying},
			{name: "bare-verify", title: "`ed25519.Verify` of the same bytes", peer: true, run: verifyBare},
		},
		rows: []row{
			{[]string{"door-signing", "door-unsigned", "bare-sign"}, "Ed25519: CPU of a message signed by the node minus an unsigned one", "≤ 1.15 × the bare sign",
				more("door-signing", "door-unsigned", "bare-sign")},
			{[]string{"door-verifying", "door-envelopes", "bare-verify"}, "Ed25519: CPU of a message signed by its publisher minus an unsigned one", "≤ 1.15 × the bare verify",
				more("door-verifying", "door-envelopes", "bare-verify")},
		},
	}
}

// more compares what a signature adds with the bare operation.
func more(with, without, bare string) func(func(string) sample) (string, bool) {
	return func(m func(string) sample) (string, bool) {
		added := m(with).cpu - m(without).cpu
		r := float64(added) / float64(m(bare).cpu)
		return fmt.Sprintf("%.2f × (%.1f µs − %.1f µs = %.1f µs; bare %.1f µs)", r, micros(m(with).cpu), micros(m(without).cpu), micros(added), micros(m(bare).cpu)), r <= 1.15
	}
}

func coresStage() stage {
	cores := func(n int) func(context.Context, *bench) (sample, error) {
		return func(ctx context.Context, b *bench) (sample, error) { return b.acceptSigned(ctx, n, 4) }
	}
	bare := func(n int) func(context.Context, *bench) (sample, error) {
		return func(ctx context.Context, b *bench) (sample, error) { return b.verifyBareOn(ctx, n) }
	}
	return stage{
		title: "verification over cores: Ed25519, at the door, in this process, four callers",
		contenders: []contender{
			{name: "cores-1", title: "whole envelopes in DSSE, on one processor", run: cores(1)},
			{name: "cores-2", title: "the same on two", run: cores(2)},
			{name: "bare-cores-1", title: "`ed25519.Verify` alone, on one processor", peer: true, run: bare(1)},
			{name: "bare-cores-2", title: "the same on two: what the machine's second processor is worth", peer: true, run: bare(2)},
		},
		rows: []row{{[]string{"cores-1", "cores-2", "bare-cores-1", "bare-cores-2"}, "verification over cores", "2 cores ≥ 1.8 × one", func(m func(string) sample) (string, bool) {
			r := m("cores-2").rate / m("cores-1").rate
			return fmt.Sprintf("%.2f × (%s/s to %s/s); `ed25519.Verify` alone %.2f ×", r, thousands(m("cores-1").rate), thousands(m("cores-2").rate),
				m("bare-cores-2").rate/m("bare-cores-1").rate), r >= 1.8
		}}},
	}
}

func oldFormStage() stage {
	against := func(name, bare string, share, python float64) func(func(string) sample) (string, bool) {
		return func(m func(string) sample) (string, bool) {
			// By processor time, which on one processor is the same as by rate and knows nothing of who else wanted it.
			r, p := float64(m(bare).cpu)/float64(m(name).cpu), m(name).rate/python
			return fmt.Sprintf("%.2f × bare (%.1f µs of %.1f µs CPU); %.0f × Python (%s/s)", r, micros(m(bare).cpu), micros(m(name).cpu), p, thousands(m(name).rate)), r >= share && p >= 15
		}
	}
	return stage{
		title: "the old X.509 form, RSA-2048, in this process, on one processor",
		contenders: []contender{
			{name: "old-verify", title: "verify, the certificate seen before", run: verifyOld},
			{name: "bare-rsa-verify", title: "`rsa.VerifyPKCS1v15` of a ready digest", peer: true, run: verifyRSA},
			{name: "old-sign", title: "sign, the key loaded once", run: signOld},
			{name: "bare-rsa-sign", title: "`rsa.SignPKCS1v15` of a ready digest", peer: true, run: signRSA},
		},
		rows: []row{
			{[]string{"old-verify", "bare-rsa-verify"}, "old X.509 verify, RSA-2048, cached chain", fmt.Sprintf("≥ 0.7 × bare RSA verify; ≥ 15 × the Python system's %.0f/s", pythonVerifies),
				against("old-verify", "bare-rsa-verify", 0.7, pythonVerifies)},
			{[]string{"old-sign", "bare-rsa-sign"}, "old X.509 sign, key loaded once", fmt.Sprintf("≥ 0.9 × bare RSA sign; ≥ 15 × its %.0f/s", pythonSigns),
				against("old-sign", "bare-rsa-sign", 0.9, pythonSigns)},
		},
	}
}

func endToEndStage() stage {
	reach := fmt.Sprintf("≥ 300 × its %.1f/s", pythonEndToEnd)
	reached := func(name string) func(func(string) sample) (string, bool) {
		return func(m func(string) sample) (string, bool) {
			r := m(name).rate / pythonEndToEnd
			return fmt.Sprintf("%.0f × (%s/s)", r, thousands(m(name).rate)), r >= 300
		}
	}
	return stage{
		title: "signed end to end, Ed25519: publisher, node and reader, on the same machine",
		contenders: []contender{
			{name: "e2e-publisher", title: "the publisher signs, the node verifies and stores, a reader gets", run: endToEndSigned},
			{name: "e2e-node", title: "the node signs and stores, a reader gets", run: endToEndNode},
		},
		rows: []row{
			{[]string{"e2e-publisher"}, "signed end to end, Ed25519, by the publisher", reach, reached("e2e-publisher")},
			{[]string{"e2e-node"}, "signed end to end, Ed25519, by the node", reach, reached("e2e-node")},
		},
	}
}

func compromisedStage() stage {
	return stage{
		title: "a compromised key",
		contenders: []contender{
			{name: "compromised", title: "`fedmsg keys compromised` over 1,000,000 messages", run: compromised},
		},
		rows: []row{
			{[]string{"compromised"}, "`keys compromised` over 1,000,000 messages", "≤ 10 s", atMost("compromised", 10_000)},
		},
	}
}
