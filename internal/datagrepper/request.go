package datagrepper

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// route is what is asked for.
type route uint8

const (
	routeSearch route = iota // /raw and /v2/search
	routeID                  // /id and /v2/id
	routeCount               // /messagecount
)

const (
	defaultRows = 20 // rows_per_page as it is documented
	mostRows    = 100
	mostPage    = 1_000_000
	mostParts   = 10 // values of contains: each message is searched for all of them
)

// request is a request as it was understood: zero is what every request begins with.
type request struct {
	route    route
	v2       bool   // the shape of fedora-messaging, not that of fedmsg
	id       string // of routeID
	callback string // the name of a function, for JSONP
	meta     []string
	now      time.Time

	times timerange
	// These are the arguments by their names; not is of those that begin with not_.
	users, packages, categories, topics, agents, contains []string
	not                                                   struct{ users, packages, categories, topics, agents []string }
	page, rows                                            int
	order                                                 string
	cursor                                                string // an addition: where an answer before ended
}

// parse reads a request. What it gives is never nil, so that an error can be told with the arguments. Parameters that are not known
// are passed over, as they always were: scripts add some against caches.
func parse(r *http.Request, now time.Time) (*request, error) {
	q := &request{page: 1, rows: defaultRows, order: "desc", now: now}
	path, v2 := strings.CutPrefix(strings.TrimSuffix(r.URL.Path, "/"), "/v2")
	q.v2 = v2
	switch path {
	case "/id":
		q.route = routeID
	case "/messagecount":
		q.route = routeCount
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, bad("the query of the address is not well formed; write # as %%23 and %% as %%25")
	}
	p := params{values: values}
	if q.callback = p.one("callback"); q.callback != "" && !isFunction(q.callback) {
		q.callback = ""
		p.fail("callback is not the name of a JavaScript function, as in jQuery123.show")
	}
	switch q.route {
	case routeSearch:
		q.readSearch(&p)
	case routeID:
		q.id = p.text("id")
		if q.id == "" {
			p.fail("id is missing; give the msg_id of a message")
		}
	}
	q.readShape(&p)
	return q, p.err
}

// readSearch reads what /raw is asked for.
func (q *request) readSearch(p *params) {
	q.users, q.packages, q.categories, q.topics, q.agents = p.list("user"), p.list("package"), p.list("category"), p.list("topic"), p.list("agent")
	q.not.users, q.not.packages, q.not.categories = p.list("not_user"), p.list("not_package"), p.list("not_category")
	q.not.topics, q.not.agents = p.list("not_topic"), p.list("not_agent")
	if q.contains = p.list("contains"); len(q.contains) > mostParts {
		p.fail("contains is given %d times; %d are allowed", len(q.contains), mostParts)
	}
	q.page = p.number("page", 1, 1, mostPage)
	q.rows = p.number("rows_per_page", defaultRows, 1, mostRows)
	q.order = p.choice("order", "desc", "asc")
	q.cursor = p.one("cursor")
	if q.cursor != "" && q.page > 1 {
		p.fail("cursor goes on where an answer ended; it is given without page")
	}
	q.times = p.times(q.now)
	if p.choice("grouped", "false", "true") == "true" {
		p.fail("grouped=true is not supported; leave it out, and each message stands alone")
	}
}

// readShape reads how the answer is to look. The size and chrome of pages for people are looked at only: there are none here.
func (q *request) readShape(p *params) {
	q.meta = slices.Compact(slices.Sorted(slices.Values(p.list("meta"))))
	for _, name := range q.meta {
		if !slices.Contains(metaNames(), name) {
			p.fail("meta must be one of %s", strings.Join(metaNames(), ", "))
		}
	}
	p.choice("size", "large", "small", "medium", "extra-large")
	p.choice("chrome", "true", "false")
	if q.route == routeID {
		p.choice("is_raw", "false", "true")
	}
}

// query is the question to the archive.
func (q *request) query(scope []fedmsg.Pattern) (archive.Query, error) {
	a := archive.Query{
		Users: q.users, Packages: q.packages, Categories: q.categories, Oldest: q.order == "asc", Limit: q.rows, After: archive.Cursor(q.cursor),
		Not: archive.Not{Users: q.not.users, Packages: q.not.packages, Categories: q.not.categories},
	}
	a.Since, a.Until = q.times.window()
	a.Filter.Scope = scope
	var err error
	if a.Filter.Topics, err = patterns(q.topics); err != nil {
		return a, err
	}
	if a.Not.Filter.Topics, err = patterns(q.not.topics); err != nil {
		return a, err
	}
	doing, err := agents(q.agents, q.not.agents)
	if err != nil {
		return a, err
	}
	a.Filter.Where = doing
	if len(q.contains) > 0 {
		a.Filter.Where = filter.And(doing, filter.Contains(q.contains...))
	}
	return a, a.Validate()
}

func patterns(topics []string) (all []fedmsg.Pattern, err error) {
	for _, topic := range topics {
		p, err := fedmsg.ParsePattern(topic)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// agents is the condition that who acted is one of some, and none of others; nil where nothing is asked.
func agents(wanted, not []string) (*filter.Where, error) {
	var conditions []string
	for _, c := range []struct {
		names []string
		begin string
	}{{wanted, "("}, {not, "not ("}} {
		if len(c.names) == 0 {
			continue
		}
		list := []byte{'['}
		for i, name := range c.names {
			if i > 0 {
				list = append(list, ',')
			}
			list = fedmsg.AppendJSONString(list, name)
		}
		list = append(list, ']')
		var either []string
		for _, path := range agentPaths() {
			either = append(either, strings.Join(path, ".")+" in "+string(list))
		}
		conditions = append(conditions, c.begin+strings.Join(either, " or ")+")")
	}
	if len(conditions) == 0 {
		return nil, nil
	}
	return filter.ParseWhere(strings.Join(conditions, " and "))
}
