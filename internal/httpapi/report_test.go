package httpapi

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestStrangersHideNobody holds that very many addresses that are refused share a line, and that who showed who it is has its own.
func TestStrangersHideNobody(t *testing.T) {
	t.Parallel()
	logs := &logBuffer{}
	s := &Server{reports: newReports(), logger: slog.New(slog.NewTextHandler(logs, nil))}
	refused := fedmsg.Errorf(fedmsg.CodeUnauthenticated, "who is it")
	r := httptest.NewRequest("GET", "/v1/log", nil)
	for i := range uint32(2 * maxRefusals) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 0xc0000200+i)
		stranger := &conn{door: &listener{}, address: netip.AddrFrom4(a)}
		s.reportRefusal(r.WithContext(context.WithValue(r.Context(), connKey{}, stranger)), fedmsg.Sender{}, refused)
	}
	s.reportRefusal(r, fedmsg.Sender{Kind: fedmsg.SenderToken, Name: "wiki"}, refused)
	lines := linesWith(logs.String(), "refused a request")
	if len(lines) != maxRefusals+2 || !strings.Contains(lines[maxRefusals], "more_of_others=0") {
		t.Fatalf("there are %d lines, of which the last are %q", len(lines), lines[len(lines)-2:])
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "sender=token:wiki") || strings.Contains(last, "more") {
		t.Errorf("who showed a token has %s", last)
	}
}
