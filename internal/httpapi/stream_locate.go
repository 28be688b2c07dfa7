package httpapi

import (
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

const (
	locateRows  = 32          // rows that are looked at for one of this log
	locateFine  = time.Second // a place in time is found to about so much
	locateSteps = 64          // more steps than halving all time takes
)

// locate finds where in the archive a recall begins: what stands before it is passed over by its number.
func (t *streams) locate(r *recall, now seam) (err error) {
	if r.located {
		return nil
	}
	if r.since.IsZero() {
		r.query.Since, err = t.timeOf(r.above, now)
	} else {
		r.query.Since = r.since
		r.above, err = t.numberBefore(r.since, now)
	}
	r.located = err == nil
	return err
}

// numberBefore gives the number of the last entry of this log that was received before a time; 0 where none of those that were received
// shortly before it is of this log.
func (t *streams) numberBefore(since time.Time, now seam) (uint64, error) {
	page, err := t.askHistory(&archive.Query{Filter: anything(), Until: since, Limit: locateRows}, now)
	if err != nil {
		return 0, err
	}
	n, _ := t.firstOwn(&page)
	return min(n, now.first-1), nil
}

// timeOf gives a time before which no entry behind the one with the number above was received, by halving the time that the archive
// has. Where many rows are of other logs it may be much too early, and never too late.
func (t *streams) timeOf(above uint64, now seam) (time.Time, error) {
	page, err := t.askHistory(&archive.Query{Filter: anything(), Oldest: true, Limit: 1}, now)
	if err != nil || len(page.Rows) == 0 {
		return time.Time{}, err
	}
	low, err := t.halve(above, page.Rows[0].Key.Time(), now)
	if err != nil {
		return low, err
	}
	page, err = t.askHistory(&archive.Query{Filter: anything(), Until: low, Limit: locateRows}, now)
	if n, found := t.firstOwn(&page); found && n <= above || len(page.Rows) == 0 && !page.Partial {
		return low, err
	}
	return time.Time{}, err
}

// halve gives about when the entry behind the one with the number above was received.
func (t *streams) halve(above uint64, low time.Time, now seam) (time.Time, error) {
	high := now.oldest
	if high.IsZero() {
		high = time.Now()
	}
	for range locateSteps {
		if high.Sub(low) < locateFine {
			break
		}
		middle := low.Add(high.Sub(low) / 2)
		page, err := t.askHistory(&archive.Query{Filter: anything(), Since: middle, Oldest: true, Limit: locateRows}, now)
		if err != nil {
			return low, err
		}
		if page.Partial {
			return low, fedmsg.Errorf(fedmsg.CodeTimeout, "the archive did not say in time where a stream goes on")
		}
		switch n, found := t.firstOwn(&page); {
		case found && n == above+1:
			return middle, nil
		case found && n > above, !found && page.Next == "": // nothing comes behind
			high = middle
		default:
			low = middle
		}
	}
	return low, nil
}

// firstOwn gives the number of the first row of this log.
func (t *streams) firstOwn(page *archive.Page) (uint64, bool) {
	for i := range page.Rows {
		if n, own := t.number(page.Rows[i].Entry.Position); own {
			return n, true
		}
	}
	return 0, false
}
