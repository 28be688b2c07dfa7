package httpapi

import (
	"net/http"
	"net/url"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// publishQuery is what the query of a request to publish asks for.
type publishQuery struct {
	signed    bool          // receipt=signed: the receipt is to be signed
	replaying bool          // replaying=1: the messages waited somewhere, and their age is not to be held against them
	wait      []string      // wait=SINK,…: the answer comes when these have the message; sorted
	patience  time.Duration // timeout=TIME: or when so much time is over
}

// parsePublishQuery is strict, as one who mistypes an option would believe to have what it gives.
func (s *Server) parsePublishQuery(r *http.Request, stream bool) (q publishQuery, err error) {
	if r.URL.RawQuery == "" {
		return q, nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fedmsg.Errorf(fedmsg.CodeBadRequest, "the query of the request is not well formed")
	}
	for name, all := range values {
		switch {
		case len(all) == 1 && all[0] != "" && (name == "wait" || name == "timeout"):
		case len(all) == 1 && name == "receipt" && all[0] == "signed":
			q.signed = true
		case len(all) == 1 && name == "replaying" && all[0] == "1":
			q.replaying = true
		default:
			return q, fedmsg.Errorf(fedmsg.CodeBadRequest, "publishing takes receipt=signed, replaying=1, wait=SINK,… and timeout=TIME in the query, each once and nothing else, not %s", clip(name+"="+all[0]))
		}
	}
	switch {
	case q.signed && stream:
		return q, fedmsg.Errorf(fedmsg.CodeBadRequest, "the receipts of a stream are not signed; ask for that of a message with GET /v1/receipts/ID")
	case q.signed && s.deps.Receipt == nil:
		return q, errSignsNothing()
	}
	return q, s.parseWait(&q, values.Get("wait"), values.Get("timeout"), stream)
}
