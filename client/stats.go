package client

import (
	"context"
	"net/url"
	"time"
)

// StatsOptions says which numbers of the node's archive are asked for.
type StatsOptions struct {
	By           string    // topic, category, user or package; empty is topic
	Hourly       bool      // a number for each hour; otherwise for each day, UTC
	Names        []string  // only of these topics, categories, users or packages; empty is all
	Since, Until time.Time // whole hours or days that touch it; zero has no bound
}

// StatsPoint is how many messages there were.
type StatsPoint struct {
	At    time.Time `json:"at"`   // the beginning of the hour or day, UTC
	Name  string    `json:"name"` // of the topic, category, user or package
	Count int64     `json:"count"`
}

// Stats asks for numbers of messages over time. Partial says that the node had not the time to count all.
func (c *Client) Stats(ctx context.Context, o StatsOptions) (points []StatsPoint, partial bool, err error) {
	q := url.Values{"name": o.Names}
	if o.By != "" {
		q.Set("by", o.By)
	}
	if o.Hourly {
		q.Set("bucket", "hour")
	}
	setTimes(q, o.Since, o.Until)
	var answer struct {
		Points  []StatsPoint `json:"points"`
		Partial bool         `json:"partial"`
	}
	err = c.question(ctx, "/v1/stats?"+q.Encode(), &answer)
	return answer.Points, answer.Partial, err
}
