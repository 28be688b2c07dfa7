package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/filter"
	"github.com/federated-messaging/fedmsg/internal/span"
)

// streamRequest is what a reader asks for.
type streamRequest struct {
	form   streamForm
	filter filter.Filter // without its scope
	limit  int64         // messages after which the stream ends; -1 without end

	// Where it begins: exactly one of these, or none for whatever comes from now on.
	after     fedmsg.Position
	since     time.Time
	beginning bool

	imported bool // also what was imported into the archive is wanted: it was asked for a time, now or before the reader came back
}

// streamForm is the form of a stream's events.
type streamForm uint8

const (
	formSSE streamForm = iota
	formNDJSON
	formWebSocket
)

// maxStreamTerms bounds the patterns, prefixes, senders and signers of one stream, and with them the work for each entry.
const maxStreamTerms = 100

// terms counts them.
func (q *streamRequest) terms() int {
	f := &q.filter
	return len(f.Topics) + len(f.Prefixes) + len(f.Senders) + len(f.Signers)
}

// parseStreamRequest reads topic=PATTERN, prefix=, sender=, signer=, where=, after=POSITION or since=, limit= and the headers that
// matter. A parameter that is not known is refused: a stream with a mistyped topic= would bring everything. An expression of nobody is
// refused before it is looked at.
func parseStreamRequest(r *http.Request, nobody bool, now time.Time) (q streamRequest, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fedmsg.Errorf(fedmsg.CodeBadRequest, "the query of the address is not well formed; write # as %%23 and %% as %%25")
	}
	q.limit = -1
	for key, vs := range values {
		switch key {
		case "topic":
			err = q.addTopics(vs)
		case "prefix":
			q.filter.Prefixes = vs
		case "sender":
			q.filter.Senders, err = vs, filter.CheckSenders(vs)
		case "signer":
			q.filter.Signers, err = vs, filter.CheckSigners(vs)
		case "after", "since", "limit", "where":
			if len(vs) > 1 {
				err = fedmsg.Errorf(fedmsg.CodeBadRequest, "%s is given %d times; give it once", key, len(vs))
			}
		default:
			err = fedmsg.Errorf(fedmsg.CodeBadRequest, "parameter %q is not known; a stream takes topic, prefix, sender, signer, where, after, since and limit", key)
		}
		if err != nil {
			return q, err
		}
	}
	if n := q.terms(); n > maxStreamTerms {
		return q, fedmsg.Errorf(fedmsg.CodeBadRequest, "the stream asks for %d topics, prefixes, senders and signers; %d are allowed", n, maxStreamTerms)
	}
	if values.Has("where") {
		if nobody {
			return q, fedmsg.Errorf(fedmsg.CodeForbidden, "where is for readers who say who they are, since the node works for each of them; show a token or a certificate, use the unix socket, or choose by topic, prefix, sender and signer")
		}
		if q.filter.Where, err = filter.ParseWhere(values.Get("where")); err != nil {
			return q, err
		}
	}
	if values.Has("limit") {
		if q.limit, err = strconv.ParseInt(values.Get("limit"), 10, 64); err != nil || q.limit < 1 {
			return q, fedmsg.Errorf(fedmsg.CodeBadRequest, "limit is not a number of messages above zero")
		}
	}
	if err := q.parseStart(r, values, now); err != nil {
		return q, err
	}
	q.form, err = parseStreamForm(r)
	return q, err
}

func (q *streamRequest) addTopics(texts []string) error {
	for _, text := range texts {
		p, err := fedmsg.ParsePattern(text)
		if err != nil {
			return err
		}
		q.filter.Topics = append(q.filter.Topics, p)
	}
	return nil
}

// parseStart finds out where the stream begins. A browser that reconnects repeats its address and adds Last-Event-ID,
// which therefore wins.
func (q *streamRequest) parseStart(r *http.Request, values url.Values, now time.Time) (err error) {
	q.imported = values.Has("since")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return q.startAfter(id)
	}
	switch {
	case values.Has("after") && values.Has("since"):
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "after and since are both given; give one of them")
	case values.Has("after"):
		return q.startAfter(values.Get("after"))
	case values.Has("since"):
		q.since, err = parseMoment("since", values.Get("since"), now)
	}
	return err
}

func (q *streamRequest) startAfter(text string) (err error) {
	if text == "0" {
		q.beginning = true
		return nil
	}
	q.after, err = fedmsg.ParsePosition(text)
	return err
}

// parseMoment reads a time in RFC 3339, in seconds since 1970, or as a time span before now such as 1h30m or 2d.
func parseMoment(key, text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && plainNumber(text) && f < 1<<33 {
		return time.UnixMicro(int64(f * 1e6)), nil
	}
	if d, ok := span.Parse(text); ok {
		return now.Add(-d), nil
	}
	return time.Time{}, fedmsg.Errorf(fedmsg.CodeBadRequest, "%s is not a time; write 2026-01-31T12:00:00Z, or seconds since 1970, or a span such as 90s, 1h30m, 2d", key)
}

func plainNumber(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
}

// parseStreamForm chooses the form: WebSocket when it is asked for, else by Accept, with server-sent events as the default.
func parseStreamForm(r *http.Request) (streamForm, error) {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return formWebSocket, nil
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		return formSSE, nil
	}
	best, form := 0.0, formSSE
	for item := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(strings.ToLower(strings.TrimSpace(item)), ";")
		var f streamForm
		switch strings.TrimSpace(media) {
		case "application/x-ndjson", "application/ndjson":
			f = formNDJSON
		case "text/event-stream", "text/*", "*/*":
			f = formSSE
		default:
			continue
		}
		if q := acceptQuality(params); q > best {
			best, form = q, f
		}
	}
	if best == 0 {
		return formSSE, fedmsg.Errorf(fedmsg.CodeBadMediaType, "a stream is text/event-stream or application/x-ndjson; the Accept header takes neither")
	}
	return form, nil
}

// acceptQuality reads q= of an Accept header's item; without one it is 1.
func acceptQuality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
			q, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return 0
			}
			return q
		}
	}
	return 1
}
