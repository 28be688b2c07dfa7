package httpapi

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// The values of headers, made once: a header's value is a slice, and making one for each answer shows in profiles.
var (
	typeJSON   = []string{"application/json"}
	typeNDJSON = []string{"application/x-ndjson"}
	nosniff    = []string{"nosniff"}
	noStore    = []string{"no-store"}
)

// writeJSON answers with one JSON text in one write. net/http itself adds the length of a short one without an allocation.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = typeJSON
	if len(body) >= 2048 {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	w.Write(body)
}

// writeError answers with what err may show and the status of its code.
func writeError(w http.ResponseWriter, err error) {
	status := fedmsg.CodeOf(err).HTTPStatus()
	h := w.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="fedmsg"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	writeJSON(w, status, append(fedmsg.AppendErrorJSON(make([]byte, 0, 256), err), '\n'))
}

// refuse answers a request whose body has not been read with an error. net/http would first read a body of unknown length,
// and so leave a publisher that streams one without an answer until it ends; here the answer goes first, and the connection
// ends behind it.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.ContentLength < 0 {
		rc := http.NewResponseController(w)
		if rc.EnableFullDuplex() == nil {
			rc.SetReadDeadline(time.Now().Add(refusedBody))
			w.Header().Set("Connection", "close")
		}
	}
	writeError(w, err)
}

// refusedBody is how long what a client still sends is read and thrown away, so that it can see its refusal: closing a
// connection with unread bytes may discard what was written.
const refusedBody = time.Second

// response notes the status of an answer for the metrics.
type response struct {
	http.ResponseWriter
	status int // 0 while nothing was written
}

// WriteHeader notes the status.
func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write notes the status that is implied.
func (r *response) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Hijack gives the connection away to a stream, whose answer is a success that is written elsewhere.
func (r *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil && r.status == 0 {
		r.status = http.StatusOK
	}
	return nc, rw, err
}

// Unwrap lets http.ResponseController find the abilities of the writer below.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }
