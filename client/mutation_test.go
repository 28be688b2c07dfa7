package client

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestReceiptMutations holds that the quick way reads nothing otherwise than encoding/json does.
func TestReceiptMutations(t *testing.T) {
	r := fedmsg.Receipt{ID: "2026-x", Position: fedmsg.Position{Log: fakeLog, Seq: 1042}, Seq: 1042, Received: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)}
	first := string(r.AppendJSON(nil))
	r.Duplicate, r.Position.Seq, r.Seq = true, 1<<64-1, 1<<64-1
	seeds := mutate.Texts(first, string(r.AppendJSON(nil)), string(fedmsg.AppendErrorJSON(nil, fedmsg.Errorf(fedmsg.CodeBusy, "no"))))
	pieces := []string{"", "0", "9", `"`, `\`, `\u0041`, ",", ":", "{", "}", " ", "true", "null", `"seq":`, `,"new":1`, "Z", "+01:00", "é", "\xff", "\x00", "-"}
	mutate.Run(t, seeds, pieces, func(in []byte) bool {
		text := string(in)
		var parser replyParser // a new one each time: what it knows already must make no difference
		quick, ok := parser.usual([]byte(text))
		if ok {
			quick.receipt.ID = string(quick.id)
			var slow fedmsg.Receipt
			err := json.Unmarshal([]byte(text), &slow)
			same := slow.ID == quick.receipt.ID && slow.Position == quick.receipt.Position && slow.Seq == quick.receipt.Seq && slow.Duplicate == quick.receipt.Duplicate
			if err != nil || !same || !slow.Received.Equal(quick.receipt.Received) {
				t.Errorf("read as %+v and %+v (%v)", quick.receipt, slow, err)
			}
		}
		got, err := parser.parse([]byte(text))
		if err == nil && got.err == nil && (len(got.id) == 0 || !got.receipt.Position.Log.Valid()) {
			t.Errorf("taken as a receipt: %+v", got)
		}
		return err == nil
	})
}

func TestSinceMutations(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	seeds := mutate.Texts("2026-01-31T12:00:00.5Z", "2026-01-31 12:00", "2026-01-31", "90m", "7d", "1h30m", "2562047h47m", "106751d", "0.5d")
	pieces := []string{"", "0", "9", "-", "+", "d", "h", "ns", ".", ":", " ", "T", "Z", "é", "e9", "999999999"}
	mutate.Run(t, seeds, pieces, func(in []byte) bool {
		text := string(in)
		got, err := ParseSince(text, now)
		if err != nil {
			if fedmsg.CodeOf(err) != fedmsg.CodeBadRequest || !got.IsZero() {
				t.Errorf("%v, %v", got, err)
			}
			return false
		}
		if age := now.Sub(got); got.Year() < 0 || got.Year() > 9999 || (text[len(text)-1] == 'd' || text[len(text)-1] == 'h') && age < 0 {
			t.Errorf("read as %v", got)
		}
		return true
	})
}
