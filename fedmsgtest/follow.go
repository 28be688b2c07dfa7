package fedmsgtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// Item is what a stream gives: exactly one of the fields is set.
type Item struct {
	Entry     *fedmsg.Entry
	Gap       *fedmsg.Gap
	Heartbeat fedmsg.Position
}

// Follow streams NDJSON over the socket with the given query (as "after=0") and calls each with every item until that
// returns false, the stream ends (nil) or fails. Any goroutine may call it.
func (n *Node) Follow(ctx context.Context, query string, each func(Item) bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/stream?"+query, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", ndjson)
	resp, err := n.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		if o := ParseOutcome(body); o.Err != nil {
			return o.Err
		}
		return fmt.Errorf("GET /v1/stream?%s: status %d: %s", query, resp.StatusCode, body)
	}
	in := bufio.NewReaderSize(resp.Body, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		item, err := parseItem(line)
		if err != nil {
			return err
		}
		if !each(item) {
			return nil
		}
	}
}

func parseItem(line []byte) (Item, error) {
	var w struct {
		Gap       *fedmsg.Gap `json:"gap"`
		Heartbeat *struct {
			Position fedmsg.Position `json:"position"`
		} `json:"heartbeat"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return Item{}, fmt.Errorf("stream gave %q: %w", clip(line), err)
	}
	switch {
	case w.Gap != nil:
		return Item{Gap: w.Gap}, nil
	case w.Heartbeat != nil:
		return Item{Heartbeat: w.Heartbeat.Position}, nil
	}
	e := new(fedmsg.Entry)
	if err := e.UnmarshalJSON(line); err != nil {
		return Item{}, fmt.Errorf("stream gave %q: %w", clip(line), err)
	}
	return Item{Entry: e}, nil
}

// ReadAll reads the log from its beginning to the last entry that it holds now. A gap fails the test.
func (n *Node) ReadAll(t testing.TB) []fedmsg.Entry {
	t.Helper()
	last := n.Log(t).Last
	if last == 0 {
		return nil
	}
	return n.Read(t, url.Values{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < last })
}

// Read follows the query until more returns false for an entry, which is the last one returned. A reader that goes on after a
// position is, as any other, cut by the node when the machine leaves it no time to read, and goes on from where it stands. A gap,
// another end of the stream or a wait over a minute fails the test.
func (n *Node) Read(t testing.TB, query url.Values, more func(*fedmsg.Entry) bool) []fedmsg.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	query = maps.Clone(query)
	var entries []fedmsg.Entry
	var gap *fedmsg.Gap
	var err error
	done := false
	for again := true; again; {
		had := len(entries)
		err = n.Follow(ctx, query.Encode(), func(i Item) bool {
			switch {
			case i.Gap != nil:
				gap = i.Gap
				return false
			case i.Entry != nil:
				entries = append(entries, *i.Entry)
				done = !more(i.Entry)
			}
			return !done
		})
		if again = errors.Is(err, io.ErrUnexpectedEOF) && query.Has("after") && len(entries) > had && !done; again {
			query.Set("after", entries[len(entries)-1].Position.String())
		}
	}
	if gap != nil {
		t.Fatalf("reading %s: %s", query.Encode(), gap)
	}
	if err != nil || !done {
		t.Fatalf("reading %s ended after %d entries: %v", query.Encode(), len(entries), err)
	}
	return entries
}
