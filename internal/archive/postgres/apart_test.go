package postgres

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// TestApart: what stands in many months is asked of all of them at once, and comes as if they had been asked one by one: in order,
// within the window, as many as are wanted.
func TestApart(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	const months, each = 3 * fewMonths, 2
	var all []archive.Draft
	for i := range months * each {
		e := fedmsg.Entry{
			Position: fedmsg.Position{Log: ourLog, Seq: uint64(i + 1)}, ID: fmt.Sprint("id-", i), Topic: "org.example.prod.git.push", Verdict: fedmsg.VerdictUnsigned,
			Received: time.Date(2024, time.Month(1+i/each), 1+i%each, 0, 0, 0, 0, time.UTC), Envelope: fmt.Appendf(nil, `{"i":%d,"msg":{"user":"ralph"}}`, i),
		}
		all = append(all, archive.DraftOf(&e))
	}
	appendAll(t, s, all)
	ralph := archive.Term{Kind: archive.KindUser, Name: "ralph"}
	for _, newest := range []bool{true, false} {
		for _, c := range []struct{ from, to, most int }{{0, len(all), 99}, {0, len(all), 20}, {3, len(all) - 3, 99}, {3, len(all) - 3, 17}, {5, 7, 99}, {4, 4 + 2*each*fewMonths, 99}} {
			w := archive.Window{From: archive.KeyOf(all[c.from].Entry.Received), To: archive.KeyOf(all[c.to-1].Entry.Received) + 1, Newest: newest}
			keys, err := s.Keys(t.Context(), ralph, w, c.most)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := s.Rows(t.Context(), keys)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, row := range rows {
				got = append(got, row.Entry.ID+string(row.Entry.Envelope))
			}
			for i := c.from; i < c.to; i++ {
				want = append(want, all[i].Entry.ID+string(all[i].Entry.Envelope))
			}
			if newest {
				slices.Reverse(want)
			}
			if want = want[:min(len(want), c.most)]; !slices.Equal(got, want) {
				t.Errorf("%+v, newest first %v: got\n%v\nwant\n%v", c, newest, got, want)
			}
		}
	}
}
