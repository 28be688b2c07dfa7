package main

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/receive"
)

// TestSourcesTable holds that the table of sources tells one that is held back from one that is not connected, and why each is so.
func TestSourcesTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &program{stdout: &out}
	err := p.sourcesTable([]receive.Status{
		{Name: "a", Connected: true, PassedOver: 7, LastError: "long over"},
		{Name: "b", Connected: true, HeldBack: true, LastError: "the disk is full"},
		{Name: "c", LastError: "no route to host"},
	})
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := "NAME STATE RECEIVED DUPLICATES REFUSED PASSED DEAD FROM|a connected 0 0 0 7 0|b held back 0 0 0 0 0|the disk is full|c waiting 0 0 0 0 0|no route to host"
	if got := strings.Join(lines, "|"); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
