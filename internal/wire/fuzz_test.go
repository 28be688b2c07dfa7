package wire

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// seeds are texts of the kinds that the parsers read, each with something that one of them must look at.
func seeds() [][]byte {
	entry := fedmsg.Entry{
		Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 9}, Received: time.Unix(1700000000, 5).UTC(), ID: "2026-a", Topic: "a.b",
		Sender: "uid:1000", Signer: "shell", Verdict: "ok", Envelope: []byte(`{"msg":{"a":[1,"}"]},"topic":"a.b"}`),
		Signatures: []byte(`[{"keyid":"k","sig":"AA=="}]`), Origin: fedmsg.Position{Log: "abcdefghijkl", Seq: 1},
	}
	old := entry
	old.NotIJSON, old.Envelope = true, []byte(`{"msg":NaN,"topic":"a.b"}`)
	all := [][]byte{entry.AppendJSON(nil), old.AppendJSON(nil), kilobyteEntry(), kilobyteEnvelope()}
	for _, text := range []string{
		`{"topic":"a.b.c","msg":{"k":"v"}}`,
		` {"topic" : "a.b", "msg" : { "k" : [ 1 , 2.5e-3 , true ] } , "headers" : { "h" : "v" } , "id" : "2026-x" , "username" : null } `,
		`{"i":1,"msg":{"a":{"b":[null,{"c":"\u00e9\ud83d\ude00é😀"}]}},"msg_id":"2026-x","timestamp":1700000000.5,"topic":"a.b","username":"u"}`,
		`{"certificate":"Q0E=","crypto":"x509","i":1,"msg":{},"msg_id":"2026-x","signature":"c2ln","timestamp":1,"topic":"a.b"}`,
		`{"msg":["\ud800",NaN,-Infinity,Infinity,"\udc00\ud800"],"topic":"/topic/x","msg_id":null,"signature":null,"headers":{"n":1}}`,
		`{"a":1,"b":2,"\u0061":3}`,
		`{"z":{"y":{"x":[[[[]]]]}},"":0,"10":-0,"9":-0.0,"e":1E400,"q":"\"\\\/\b\f\n\r\t\u0000\u007f"}`,
		`[0,-1,1.10,1e5,5e-324,1e16,9007199254740993,100000000000000000000000]`,
		"{\"topic\":\"a.b\",\n\t\"msg\":{},\r\n\"i\":1}",
	} {
		all = append(all, []byte(text))
	}
	all = append(all, dsseSeeds()...)
	return append(all, []byte(`{"headers":{},"i":1,"msg":{},"source_name":"d","source_version":"0.6.5","timestamp":1504643075.0,"topic":"a.b"}`))
}

// dsseSeeds are texts of signed messages and of what else is signed.
func dsseSeeds() [][]byte {
	signatures := []Signature{{KeyID: "k", Sig: []byte{1, 2, 3}}, {Sig: []byte("?>?>"), Certificate: []byte{0, 0xff, 0xfe}}}
	return [][]byte{
		AppendDSSE(nil, EnvelopeType, []byte(`{"i":1,"msg":{},"topic":"a.b"}`), AppendSignatures(nil, signatures)),
		AppendDSSE(nil, ReceiptType, []byte(`{}`), AppendSignatures(nil, signatures[:1])),
	}
}

func addSeeds(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
}

func FuzzScan(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkScan(t, in) })
}

func FuzzEnvelope(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkEnvelope(t, in) })
}

func FuzzSubmitted(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkSubmitted(t, in) })
}

func FuzzCanonical(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkCanonical(t, in) })
}

func FuzzDecodeEntry(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkEntry(t, in) })
}

func FuzzDSSE(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkDSSE(t, in) })
}
