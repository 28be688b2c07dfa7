package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// archiveRequest is a question as it was sent.
type archiveRequest struct {
	query   archive.Query   // without its scope
	timeout time.Duration   // for the answer, or one page of an export
	upTo    fedmsg.Position // the answer is to know everything up to it; zero asks for nothing
	count   bool            // also how many there are in all
	export  bool            // all rows as NDJSON
	most    int64           // rows of an export; 0 is all
}

// defaultPage is how many rows a page has unless limit= says so.
const defaultPage = 25

// question reads the parameters of a request to the archive, one after the other. The first fault stays.
type question struct {
	values url.Values
	now    time.Time
	known  []string // the parameters that this request takes
	err    error
}

// newQuestion begins. What is not well formed is refused before anybody looks at it: a store may fail of it.
func newQuestion(rawQuery string, now time.Time) *question {
	p := &question{now: now}
	var err error
	if p.values, err = url.ParseQuery(rawQuery); err != nil {
		p.fail("the query of the address is not well formed; write # as %%23 and %% as %%25")
	}
	for key, values := range p.values {
		for _, v := range values {
			if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) && key != "where" && key != "text" {
				p.fail("parameter %q has bytes that are no text", clip(key))
			}
		}
	}
	return p
}

func (p *question) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fedmsg.Errorf(fedmsg.CodeBadRequest, format, args...)
	}
}

// one gives the value of a parameter that is given once, or not at all.
func (p *question) one(key string) string {
	p.known = append(p.known, key)
	values, given := p.values[key]
	switch {
	case !given:
		return ""
	case len(values) > 1:
		p.fail("%s is given %d times; give it once", key, len(values))
	case values[0] == "":
		p.fail("%s is empty; give it a value, or leave it out", key)
	}
	return values[0]
}

// many gives the values of a parameter that may be repeated.
func (p *question) many(key string) []string {
	p.known = append(p.known, key)
	return p.values[key]
}

func (p *question) patterns(key string) []fedmsg.Pattern {
	var all []fedmsg.Pattern
	for _, text := range p.many(key) {
		pattern, err := fedmsg.ParsePattern(text)
		p.take(err)
		all = append(all, pattern)
	}
	return all
}

// take keeps the fault of something that was read elsewhere.
func (p *question) take(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *question) moment(key string) (t time.Time) {
	if text := p.one(key); text != "" {
		var err error
		t, err = parseMoment(key, text, p.now)
		p.take(err)
	}
	return t
}

// choice gives which of the words a parameter has; the first is that of one that is not given.
func (p *question) choice(key string, words ...string) string {
	text := p.one(key)
	if text == "" {
		return words[0]
	}
	if !slices.Contains(words, text) {
		p.fail("%s is %s, not %q", key, strings.Join(words, " or "), clip(text))
	}
	return text
}

// number gives a number from 1 to most; 0 where it is not given.
func (p *question) number(key string, most int64) int64 {
	text := p.one(key)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > most {
		p.fail("%s is a number from 1 to %d, not %q", key, most, clip(text))
	}
	return n
}

// timeout gives how long the answer may take.
func (p *question) timeout() time.Duration {
	text := p.one("timeout")
	if text == "" {
		return archiveTime
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > archiveTime {
		p.fail("timeout is a time up to %s, as in 500ms or 2s, not %q", archiveTime, clip(text))
	}
	return d
}

func (p *question) position(key string) (at fedmsg.Position) {
	if text := p.one(key); text != "" {
		var err error
		at, err = fedmsg.ParsePosition(text)
		p.take(err)
	}
	return at
}

// end refuses what no part of the request has asked for: with a mistyped user= the answer would have everybody's messages.
func (p *question) end() error {
	for key := range p.values {
		if !slices.Contains(p.known, key) {
			p.fail("parameter %q is not known here; there are %s", clip(key), strings.Join(p.known, ", "))
		}
	}
	return p.err
}

// wanted reads which messages are asked for. An expression of nobody is refused before it is looked at.
func (p *question) wanted(nobody bool) (q archive.Query) {
	q = archive.Query{
		Filter: filter.Filter{
			Topics: p.patterns("topic"), Prefixes: p.many("prefix"), Senders: p.many("sender"), Signers: p.many("signer"),
		},
		Categories: p.many("category"), Users: p.many("user"), Packages: p.many("package"),
		Severities: p.many("severity"), IDs: p.many("id"), Text: p.one("text"),
		Not: archive.Not{
			Filter:     filter.Filter{Topics: p.patterns("not_topic"), Prefixes: p.many("not_prefix")},
			Categories: p.many("not_category"), Users: p.many("not_user"), Packages: p.many("not_package"),
		},
		Since: p.moment("since"), Until: p.moment("until"),
	}
	if where := p.one("where"); where != "" && p.err == nil {
		if nobody {
			p.take(fedmsg.Errorf(fedmsg.CodeForbidden, "where is for readers who say who they are, since the node works for each of them; show a token or a certificate, use the unix socket, or choose by the other parameters"))
			return q
		}
		var err error
		q.Filter.Where, err = filter.ParseWhere(where)
		p.take(err)
	}
	return q
}

// parseArchiveRequest reads a request for messages.
func parseArchiveRequest(r *http.Request, nobody bool, now time.Time) (q archiveRequest, err error) {
	p := newQuestion(r.URL.RawQuery, now)
	q.query = p.wanted(nobody)
	q.query.Oldest = p.choice("order", "newest", "oldest") == "oldest"
	q.query.After = archive.Cursor(p.one("cursor"))
	q.count = p.choice("count", "none", "approximate") == "approximate"
	q.upTo, q.timeout = p.position("min_position"), p.timeout()
	if q.export, err = wantsNDJSON(r.Header); err != nil {
		p.take(err)
	}
	q.query.Limit = archive.MaxLimit
	if q.export {
		if q.most = p.number("limit", 1<<62); q.count {
			p.fail("an export has no count; ask for it as application/json, with limit=1")
		}
	} else {
		q.query.Limit = int(p.number("limit", archive.MaxLimit))
	}
	if q.query.Limit == 0 {
		q.query.Limit = defaultPage
	}
	if err := p.end(); err != nil {
		return q, err
	}
	return q, q.query.Validate()
}

// wantsNDJSON reads which of the two forms the Accept headers would rather have; JSON where they do not care.
func wantsNDJSON(h http.Header) (bool, error) {
	best, ndjson := 0.0, false
	accept := strings.Join(h.Values("Accept"), ",")
	if accept == "" {
		return false, nil
	}
	for item := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(strings.ToLower(strings.TrimSpace(item)), ";")
		lines := false
		switch strings.TrimSpace(media) {
		case "application/x-ndjson", "application/ndjson":
			lines = true
		case "application/json", "application/*", "*/*":
		default:
			continue
		}
		if q := acceptQuality(params); q > best {
			best, ndjson = q, lines
		}
	}
	if best == 0 {
		return false, fedmsg.Errorf(fedmsg.CodeBadMediaType, "messages are application/json or application/x-ndjson; the Accept header takes neither")
	}
	return ndjson, nil
}
