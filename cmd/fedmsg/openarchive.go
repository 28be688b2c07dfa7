package main

import (
	"context"
	"iter"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// openArchive is an archive that is opened here. Whoever can read its file may read all of it.
type openArchive struct {
	store    archive.Store
	searcher *archive.Searcher
}

// searchStep is how long one page is searched for before it is told that nothing was found so far.
const searchStep = time.Second

// Close closes the store.
func (a *openArchive) Close() error { return a.store.Close() }

// Query gives the messages that are asked for, page by page.
func (a *openArchive) Query(ctx context.Context, o client.QueryOptions) iter.Seq2[fedmsg.Entry, error] {
	return func(yield func(fedmsg.Entry, error) bool) {
		q, err := archiveQuery(&o)
		for left := o.Limit; err == nil && ctx.Err() == nil; {
			if q.Limit = archive.MaxLimit; o.Limit > 0 {
				q.Limit = min(left, archive.MaxLimit)
			}
			var page archive.Page
			if page, err = a.page(ctx, &q); err != nil {
				break
			}
			for i := range page.Rows {
				if !yield(page.Rows[i].Entry, nil) {
					return
				}
			}
			if len(page.Rows) == 0 && o.Progress != nil {
				o.Progress()
			}
			left -= len(page.Rows)
			if q.After = page.Next; q.After == "" || o.Limit > 0 && left <= 0 {
				return
			}
		}
		if err != nil {
			yield(fedmsg.Entry{}, err)
		}
	}
}

func (a *openArchive) page(ctx context.Context, q *archive.Query) (archive.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, searchStep)
	defer cancel()
	return a.searcher.Search(ctx, q)
}

// mostCounted bounds what is counted.
const mostCounted = 1_000_000

// Count counts the messages that are asked for.
func (a *openArchive) Count(ctx context.Context, o client.QueryOptions) (n int, more bool, err error) {
	q, err := archiveQuery(&o)
	if err != nil {
		return 0, false, err
	}
	q.Limit = archive.MaxLimit
	return a.searcher.Count(ctx, &q, mostCounted)
}

// mostPoints bounds the numbers of one answer.
const mostPoints = archive.MaxPoints

// Stats gives numbers of messages over time.
func (a *openArchive) Stats(ctx context.Context, o client.StatsOptions) (points []client.StatsPoint, partial bool, err error) {
	kinds := map[string]archive.Kind{
		"topic": archive.KindTopic, "category": archive.KindCategory, "user": archive.KindUser, "package": archive.KindPackage,
	}
	q := archive.Series{By: kinds[o.By], Names: o.Names, From: o.Since, To: o.Until, Bucket: archive.Day, MostPoints: mostPoints}
	if o.Hourly {
		q.Bucket = archive.Hour
	}
	found, partial, err := a.searcher.Stats(ctx, q, []fedmsg.Pattern{fedmsg.MatchAll()})
	for _, p := range found {
		points = append(points, client.StatsPoint(p))
	}
	return points, partial, err
}

// archiveQuery is what a question asks of an archive here.
func archiveQuery(o *client.QueryOptions) (q archive.Query, err error) {
	q = archive.Query{
		Filter: filter.Filter{
			Topics: o.Topics, Prefixes: o.Prefixes, Senders: o.Senders, Signers: o.Signers, Scope: []fedmsg.Pattern{fedmsg.MatchAll()},
		},
		Categories: o.Categories, Users: o.Users, Packages: o.Packages, Severities: o.Severities, IDs: o.IDs, Text: o.Text,
		Not: archive.Not{
			Filter:     filter.Filter{Topics: o.NotTopics, Prefixes: o.NotPrefixes},
			Categories: o.NotCategories, Users: o.NotUsers, Packages: o.NotPackages,
		},
		Since: o.Since, Until: o.Until, Oldest: o.Oldest,
	}
	if o.Where != "" {
		q.Filter.Where, err = filter.ParseWhere(o.Where)
	}
	return q, err
}
