package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// archiveStages measure the archive of each kind: taking messages in, what it takes on disk, questions over HTTP, and exports.
func archiveStages() []stage {
	return slices.Concat(
		stagesOf(&archives{kind: sqliteKind{}, name: "sqlite"}, "SQLite", "a bare insert loop on the same schema", 0.8, 1.5),
		stagesOf(&archives{kind: new(postgresKind), name: "postgres", prefix: "pg-"}, "PostgreSQL", "bare COPY into the same schema", 0.8, 2),
	)
}

// contender gives the name of one of its contenders.
func (a *archives) contender(what string) string { return "archive-" + a.prefix + what }

func stagesOf(a *archives, title, bare string, share, disk float64) []stage {
	own, other, filled := a.contender("ingest"), "bare-"+a.name, a.contender("fill")
	return []stage{{
		title: "archive in " + title + ": taking in, transactions of 2,000, durable; of an empty archive that grows to at most 200,000 messages",
		contenders: []contender{
			{name: own, title: "the store, with working out what messages are found by", run: a.ingest},
			{name: other, title: bare, peer: true, run: a.ingestBare},
		},
		rows: []row{{[]string{own, other}, "archive, " + title + ": ingest, durable", fmt.Sprintf("≥ %.1f × %s", share, bare), func(m func(string) sample) (string, bool) {
			r := m(own).rate / m(other).rate
			return fmt.Sprintf("%.2f × (%s/s)", r, thousands(m(own).rate)), r >= share
		}}},
	}, {
		title:      "archive in " + title + ": filled once, and asked by all that follows",
		contenders: []contender{{name: filled, title: "rate of all, size, size a message", run: a.fillKept}},
		rows: []row{{[]string{filled}, "archive, " + title + ": disk with all indexes over raw envelopes", fmt.Sprintf("≤ %.1f ×", disk), func(m func(string) sample) (string, bool) {
			r := float64(m(filled).size) / float64(a.kept.Raw)
			return fmt.Sprintf("%.2f × (%.0f MB of %.0f MB; filled at %s/s)", r, float64(m(filled).size)/1e6, float64(a.kept.Raw)/1e6, thousands(m(filled).rate)), r <= disk
		}}},
		notes: a.describe,
	}, a.queryStage(title), a.exportStage(title)}
}

func (a *archives) queryStage(title string) stage {
	s := stage{title: "archive in " + title + ": questions over HTTP one after the other, newest 25, each of something else: p50 and p99"}
	for _, q := range asked() {
		name := a.contender("query-" + q.name)
		s.contenders = append(s.contenders, contender{name: name, title: q.title, run: func(ctx context.Context, b *bench) (sample, error) { return a.ask(ctx, b, q) }})
		reach := fmt.Sprintf("p99 ≤ %d ms", q.p99.Milliseconds())
		if q.p50 > 0 {
			reach = fmt.Sprintf("p50 ≤ %d ms, %s", q.p50.Milliseconds(), reach)
		}
		s.rows = append(s.rows, row{[]string{name}, "archive, " + title + ": " + q.title, reach, func(m func(string) sample) (string, bool) {
			got := m(name)
			return fmt.Sprintf("p50 %s, p99 %s", millis(got.span), millis(got.tail)), got.tail <= q.p99 && (q.p50 == 0 || got.span <= q.p50)
		}})
	}
	return s
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

func (a *archives) exportStage(title string) stage {
	name := a.contender("export")
	return stage{
		title:      "archive in " + title + ": export, NDJSON over HTTP, oldest first",
		contenders: []contender{{name: name, title: "a counting reader", run: a.export}},
		rows:       []row{{[]string{name}, "archive, " + title + ": export", "≥ 50,000/s", atLeast(name, 50_000)}},
	}
}

// describe tells what was measured.
func (a *archives) describe(ctx context.Context, b *bench) (string, error) {
	text, err := a.kind.describe(ctx, b, a.keptName(b))
	return fmt.Sprintf("The messages are those of tools/bench/history. Envelopes have %d bytes, detached signatures %d. %s", a.kept.Raw, a.kept.Signatures, text), err
}
