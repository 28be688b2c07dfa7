package httpapi

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestReasonsAreForTheSocket: what a destination or a program said is told nobody who comes from elsewhere, in whatever state.
func TestReasonsAreForTheSocket(t *testing.T) {
	all := func() (list []fedmsg.Delivery) {
		for _, state := range []fedmsg.DeliveryState{
			fedmsg.DeliveryDelivered, fedmsg.DeliveryPending, fedmsg.DeliveryDead, fedmsg.DeliverySkipped, fedmsg.DeliveryNotWanted, fedmsg.DeliveryUnknown, "new",
		} {
			list = append(list, fedmsg.Delivery{Sink: "a", State: state, Reason: "mq.secret.example.org said so"}, fedmsg.Delivery{Sink: "b", State: state})
		}
		return list
	}
	for _, d := range (&identity{local: true}).told(all()) {
		if (d.Sink == "a") != strings.Contains(d.Reason, "secret") {
			t.Errorf("the socket is told %+v", d)
		}
	}
	for i, d := range (&identity{sender: fedmsg.Sender{Kind: fedmsg.SenderToken, Name: "x"}}).told(all()) {
		if d.State != all()[i].State || strings.Contains(d.Reason, "secret") || d.Sink == "a" && !strings.Contains(d.Reason, "operator") {
			t.Errorf("a token is told %+v", d)
		}
		if d.Sink == "b" && (d.Reason != "") != (d.State == fedmsg.DeliveryPending || d.State == fedmsg.DeliveryDead) {
			t.Errorf("of %s without a reason a token is told %q", d.State, d.Reason)
		}
	}
}
