package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestVerifyHidesNothing refuses lines in which another reader finds another message than the one that is verified.
func TestVerifyHidesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	evil := strings.Replace(order, `{"order":17}`, `{"order":666}`, 1)
	good := s.entry(t, orderTopic, "2024-order-17", "2024-06-01T00:00:01Z", order)
	add := func(member string) string { return strings.Replace(good, `"seq":7`, `"seq":7,`+member, 1) }
	based := fmt.Sprintf(`"envelope_base64":%q`, base64.StdEncoding.EncodeToString([]byte(order)))
	spaced := strings.Replace(order, `,"msg"`, `, "msg"`, 1)
	broken := strings.Replace(order, `,"msg"`, ",\n\"msg\"", 1)
	signed := s.dsse(t, wire.EnvelopeType, spaced)
	payload := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

	for _, c := range []struct{ name, in, want string }{
		{"an entry with a member of a later version", add(`"later":1`), "ok shop"},
		{"in base64", strings.Replace(good, `"envelope":`+order, based, 1), "ok shop"},
		{"two envelopes", add(`"envelope":` + evil), "bad duplicate_key - line 1: "},
		{"two envelopes, one escaped", add(`"envelop\u0065":` + evil), "bad duplicate_key - line 1: "},
		{"one that differs by case", add(`"Envelope":` + evil), "bad duplicate_key - line 1: "},
		{"by case alone", strings.Replace(good, `"envelope":`, `"ENVELOPE":null,"Envelope":`, 1), "bad "},
		{"one as JSON, one in base64", strings.Replace(good, `"envelope":`, based+`,"envelope":`, 1), "bad bad_envelope - line 1: "},
		{"two times", add(`"received":"2025-06-01T00:00:01Z"`), "bad duplicate_key - line 1: "},
		{"two topics", add(`"topic":"x"`), "bad duplicate_key - line 1: "},
		{"an entry that is an envelope too", add(`"m\u0073g":{}`), "bad "},
		{"an archive that is an envelope too", strings.Replace(evil, `"msg"`, `"raw_messages":[`+good+`],"m\u0073g"`, 1), "bad "},
		{"the same, all of it escaped", `{"raw_messages":[` + good + `],"t\u006fpic":"org.example.dev.shop.order.new","m\u0073g":{}}`, "bad "},
		{"signed with a space, shown with a line break", strings.Replace(signed, payload(spaced), payload(broken), 1), "bad bad_envelope - line 1: "},
		{"signed with a space", signed, "ok shop"},
	} {
		got := verified(t, s.trust, c.in+"\n")
		if last := got[len(got)-1]; !strings.HasPrefix(last, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
