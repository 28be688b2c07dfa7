package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// How long a publisher waits for sinks unless timeout= says so, and at most.
const (
	waitTime    = 5 * time.Second
	maxWaitTime = 5 * time.Minute
)

// parseWait reads wait=SINK,… and timeout=TIME.
func (s *Server) parseWait(q *publishQuery, wait, timeout string, stream bool) error {
	if wait == "" && timeout == "" {
		return nil
	}
	q.patience = waitTime
	if timeout != "" {
		d, err := time.ParseDuration(timeout)
		if err != nil || d < 0 || d > maxWaitTime {
			return fedmsg.Errorf(fedmsg.CodeBadRequest, "timeout is a time up to %s, as in 500ms or 5s, not %q", maxWaitTime, clip(timeout))
		}
		q.patience = d
	}
	q.wait = strings.Split(wait, ",")
	switch {
	case wait == "":
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "timeout goes with wait=SINK,…")
	case stream:
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "a stream waits for no sinks; publish one message with wait=, or ask with GET /v1/messages/ID")
	}
	slices.Sort(q.wait)
	q.wait = slices.Compact(q.wait)
	return s.checkSinks(q.wait...)
}

// appendDelivered waits until the sinks are done with a message and puts how far they are into the JSON of its receipt, as the member
// sinks. The status is 201 when each has delivered it, else 202. The message is stored in any case.
func (s *Server) appendDelivered(w http.ResponseWriter, r *http.Request, answer []byte, receipt *fedmsg.Receipt, q *publishQuery, id *identity) ([]byte, int, error) {
	entry, found, err := s.deps.Log.Find(receipt.ID)
	if err == nil && !found {
		err = fedmsg.Errorf(fedmsg.CodeNotFound, "retention has removed the message %s", clip(receipt.ID))
	}
	if err != nil {
		return nil, 0, fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the message is stored as %s, but how far its delivery is cannot be told; ask for it later with GET /v1/messages/%s", receipt.Position, clip(receipt.ID))
	}
	ctx, cancel := s.waiting(w, r, q.patience)
	defer cancel()
	deliveries := s.deps.Sinks.Wait(ctx, &entry, q.wait...)
	status := http.StatusCreated
	if len(deliveries) == 0 || slices.ContainsFunc(deliveries, func(d fedmsg.Delivery) bool { return d.State != fedmsg.DeliveryDelivered }) {
		status = http.StatusAccepted
	}
	answer, err = appendSinks(answer, id.told(deliveries))
	return answer, status, err
}

// told is what the reader is told of deliveries. The reasons why one is not delivered, and remarks, have names of hosts and what
// programs printed in them: they are for the unix socket.
func (id *identity) told(deliveries []fedmsg.Delivery) []fedmsg.Delivery {
	if id.local {
		return deliveries
	}
	for i := range deliveries {
		d := &deliveries[i]
		switch {
		case d.State == fedmsg.DeliveryPending:
			d.Reason = "not yet delivered; the node's operator sees why"
		case d.State == fedmsg.DeliveryDead:
			d.Reason = "given up; the node's operator sees why, among the dead letters"
		case d.Reason != "":
			d.Reason = "the node's operator sees more"
		}
	}
	return deliveries
}

// appendSinks puts deliveries into a JSON object as its last member.
func appendSinks(object []byte, deliveries []fedmsg.Delivery) ([]byte, error) {
	if deliveries == nil {
		deliveries = []fedmsg.Delivery{}
	}
	list, err := json.Marshal(deliveries)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot encode how far delivery is")
	}
	object = append(object[:len(object)-1], `,"sinks":`...)
	return append(append(object, list...), '}'), nil
}

// waiting gives the context of a request that may take so long beyond what requests may take, unless the client goes or the server
// stops.
func (s *Server) waiting(w http.ResponseWriter, r *http.Request, atMost time.Duration) (context.Context, context.CancelFunc) {
	// Where the deadline cannot be moved the answer is cut off, and the client asks again.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(atMost + s.cfg.WriteTimeout))
	ctx, cancel := context.WithTimeout(r.Context(), atMost)
	stop := context.AfterFunc(s.leaving, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}
