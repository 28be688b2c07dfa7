package mesh_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/mesh"
)

// TestNobodyNamedIt listens to a publisher by its address alone, which is its name then.
func TestNobodyNamedIt(t *testing.T) {
	t.Parallel()
	p := publisher(t, t.TempDir())
	uri := p.Addresses()[0]
	items, _ := hear(t, mesh.SubscribeOptions{Services: []mesh.Service{{Name: uri, Addresses: []string{uri}}}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.WaitSubscribers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	publish(t, p, 1, 1)
	if g := next(t, items); g.Service != uri {
		t.Errorf("the service is %q, want %q", g.Service, uri)
	}
}

// TestEventSentences holds that what happened is told in words, each thing once.
func TestEventSentences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event mesh.Event
		want  string
	}{
		{mesh.Event{Kind: mesh.EndpointUp, Service: "a.h", Endpoint: "tcp://h:1"}, "a.h at tcp://h:1: connected"},
		{mesh.Event{Kind: mesh.EndpointDown, Service: "a.h", Endpoint: "tcp://h:1", Err: errors.New("zmtp: no")}, "a.h at tcp://h:1: not connected; trying again: no"},
		{mesh.Event{Kind: mesh.SourceFault, Endpoint: "/list", Err: errors.New("line 2: no")}, "/list: passed over what makes no sense: line 2: no"},
	} {
		if got := c.event.String(); got != c.want {
			t.Errorf("it says %q, want %q", got, c.want)
		}
	}
}
