package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// QueryOptions says which messages of the node's archive are asked for. All that is given must be met; of several values of one field one
// is enough. The zero value is everything.
type QueryOptions struct {
	Topics     []fedmsg.Pattern // that any of these matches …
	Prefixes   []string         // … or whose topic begins with one of these
	Categories []string         // the service in the topic, as bts of org.debian.prod.bts.bug.close
	Users      []string         // that one of these has to do with
	Packages   []string
	Senders    []string // KIND:NAME, or KIND alone
	Signers    []string // ROOT/NAME, or ROOT alone
	Severities []string // debug, info, warning or error
	IDs        []string
	Text       string // all words of it stand somewhere in the message
	Where      string // an expression, as in FollowOptions

	NotTopics     []fedmsg.Pattern // what none may have
	NotPrefixes   []string
	NotCategories []string
	NotUsers      []string
	NotPackages   []string

	Since, Until time.Time // received at Since or later and before Until; zero has no bound
	Oldest       bool      // oldest first; otherwise newest first
	Limit        int       // end after so many messages; 0 is all

	MinPosition fedmsg.Position // first wait, for at most some seconds, until the archive knows everything up to it

	// Progress is called while the node searches and finds nothing for a while; it may be nil.
	Progress func()
}

// questionTime is how long a node works on one question at most; that it may be silent comes on top of Options.Timeout.
const questionTime = 5 * time.Second

// Query gives the messages of the node's archive that o asks for, until ctx ends. An error is the last value: the node's refusal,
// CodeUnavailable where the connection broke; what came before is right all the same.
//
// The memory of an entry is its own and the consumer's to keep, but neighbours share it: who keeps few of many entries for
// long copies them.
func (c *Client) Query(ctx context.Context, o QueryOptions) iter.Seq2[fedmsg.Entry, error] {
	return func(yield func(fedmsg.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		q := o.values()
		if o.Limit > 0 {
			q.Set("limit", strconv.Itoa(o.Limit))
		}
		err := c.export(ctx, q, func(line []byte) error { return o.line(line, yield) })
		if err != nil && err != errStopped && ctx.Err() == nil {
			yield(fedmsg.Entry{}, err)
		}
	}
}

// export asks for all messages and gives each line of the answer.
func (c *Client) export(ctx context.Context, q url.Values, line func([]byte) error) error {
	conn, e, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	began := time.Now()
	conn.SetDeadline(began.Add(c.o.Timeout + questionTime))
	if _, err := conn.Write(c.head(e, "GET", "/v1/messages?"+q.Encode(), "Accept: application/x-ndjson\r\nConnection: close\r\n")); err != nil {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the connection to %s broke", e.uri)
	}
	resp, err := readAnswer(bufio.NewReaderSize(conn, 16<<10), "GET", began)
	if err != nil {
		return err
	}
	err = readLines(&patient{conn: conn, body: resp.Body}, line, nil)
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	if _, coded := errors.AsType[*fedmsg.Error](err); !coded && err != errStopped {
		err = fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the answer from %s broke off; what came before is not all", e.uri)
	}
	return err
}

// line takes one line of an answer: an entry, an error, or that the node searches on.
func (o *QueryOptions) line(line []byte, yield func(fedmsg.Entry, error) bool) error {
	switch {
	case len(line) == 0:
		return nil
	case bytes.HasPrefix(line, []byte(`{"progress"`)):
		if o.Progress != nil {
			o.Progress()
		}
		return nil
	case bytes.HasPrefix(line, []byte(`{"error"`)):
		if err := answeredError(line); err != nil {
			return err
		}
	}
	e, err := wire.DecodeEntry(line)
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "the answer has a line that is no entry")
	}
	if !yield(e, nil) {
		return errStopped
	}
	return nil
}

// Count asks about how many messages there are, up to a bound of the node, and whether there are more.
func (c *Client) Count(ctx context.Context, o QueryOptions) (n int, more bool, err error) {
	q := o.values()
	q.Set("count", "approximate")
	q.Set("limit", "1")
	var answer struct {
		Count struct {
			Approximate int  `json:"approximate"`
			More        bool `json:"more"`
		} `json:"count"`
	}
	err = c.question(ctx, "/v1/messages?"+q.Encode(), &answer)
	return answer.Count.Approximate, answer.Count.More, err
}

// question asks something that has one answer.
func (c *Client) question(ctx context.Context, path string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout+questionTime)
	defer cancel()
	b, err := c.Request(ctx, "GET", path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "the node's answer cannot be read")
	}
	return nil
}

// values are the parameters of the request, without its limit.
func (o *QueryOptions) values() url.Values {
	q := url.Values{
		"prefix": o.Prefixes, "category": o.Categories, "user": o.Users, "package": o.Packages, "sender": o.Senders, "signer": o.Signers,
		"severity": o.Severities, "id": o.IDs, "not_prefix": o.NotPrefixes, "not_category": o.NotCategories, "not_user": o.NotUsers,
		"not_package": o.NotPackages,
	}
	for _, p := range o.Topics {
		q.Add("topic", p.String())
	}
	for _, p := range o.NotTopics {
		q.Add("not_topic", p.String())
	}
	for key, text := range map[string]string{"text": o.Text, "where": o.Where} {
		if text != "" {
			q.Set(key, text)
		}
	}
	setTimes(q, o.Since, o.Until)
	if o.Oldest {
		q.Set("order", "oldest")
	}
	if !o.MinPosition.IsZero() {
		q.Set("min_position", o.MinPosition.String())
	}
	return q
}

// setTimes sets the two ends of a piece of time, as far as it has them.
func setTimes(q url.Values, since, until time.Time) {
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	if !until.IsZero() {
		q.Set("until", until.UTC().Format(time.RFC3339Nano))
	}
}
