package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/tools/bench/history"
)

// archiveBatch is how many messages go into an archive in one transaction: as many as a node takes that is far behind.
const archiveBatch = 2000

// comparedRows is with how many messages ingest is compared.
const comparedRows = 200_000

// archiveKind is a store that is measured.
type archiveKind interface {
	// open opens the archive of that name, and makes an empty one where there is none.
	open(ctx context.Context, b *bench, name string) (archive.Store, error)
	// remove removes an archive that is not open.
	remove(ctx context.Context, b *bench, name string) error
	// config gives the configuration of a node on an archive, and the node's state directory.
	config(ctx context.Context, b *bench, name string) (text, state string, err error)
	// bare opens what puts the same rows into the same tables without all this.
	bare(ctx context.Context, b *bench, name string) (bareArchive, error)
	// size gives the bytes of an archive that is not open.
	size(ctx context.Context, b *bench, name string) (int64, error)
	// describe tells what was measured: the number of rows as the database counts them, sizes and query plans.
	describe(ctx context.Context, b *bench, name string) (string, error)
}

// bareArchive is what the project's way of writing is compared with.
type bareArchive interface {
	append(ctx context.Context, from int, drafts []archive.Draft) error
	close() error
}

// archives is what a run has of archives of one kind. Those that are compared grow from round to round.
type archives struct {
	kind   archiveKind
	name   string // of its files and databases
	prefix string // of the names of its contenders, behind archive-
	own    comparedArchive
	bare   comparedArchive
	kept   *keptArchive // nil before it is there
}

// comparedArchive is one that grows from round to round.
type comparedArchive struct {
	rows  int
	store archive.Store // nil before the first round
	bare  bareArchive
}

// keptArchive tells of the archive that is filled once and kept for later runs.
type keptArchive struct {
	Rows       int           `json:"rows"`
	Raw        int64         `json:"raw"`        // bytes of envelopes
	Signatures int64         `json:"signatures"` // bytes of detached signatures
	Took       time.Duration `json:"took"`       // of putting them in
	Bytes      int64         `json:"bytes"`      // of the store
}

// archiveRows is how many messages the kept archive has.
func (b *bench) archiveRows() int {
	if b.o.quick {
		return min(b.o.archiveRows, 20_000)
	}
	return b.o.archiveRows
}

func (b *bench) archiveDir() string {
	if b.o.archiveDir != "" {
		return b.o.archiveDir
	}
	return filepath.Join(b.o.dir, "fedmsg-bench-archive")
}

// theHistory gives the messages of the kept archive.
func (b *bench) theHistory() *history.History {
	if b.history == nil {
		b.history = history.New(b.archiveRows())
	}
	return b.history
}

// fill puts the kept archive there, if it is not there from an earlier run.
func (a *archives) fill(ctx context.Context, b *bench) (*keptArchive, error) {
	if a.kept != nil {
		return a.kept, nil
	}
	if err := os.MkdirAll(b.archiveDir(), 0o755); err != nil {
		return nil, err
	}
	name := a.keptName(b)
	told := filepath.Join(b.archiveDir(), name+".json")
	kept := new(keptArchive)
	if text, err := os.ReadFile(told); err == nil && json.Unmarshal(text, kept) == nil {
		fmt.Printf("the archive %s of an earlier run is measured; remove it to have it filled anew\n", filepath.Join(b.archiveDir(), name))
		a.kept = kept
		return kept, nil
	}
	if err := a.kind.remove(ctx, b, name); err != nil {
		return nil, err
	}
	if err := a.makeState(ctx, b, name); err != nil {
		return nil, err
	}
	if err := a.put(ctx, b, name, kept); err != nil {
		return nil, err
	}
	var err error
	if kept.Bytes, err = a.kind.size(ctx, b, name); err != nil {
		return nil, err
	}
	text, err := json.Marshal(kept)
	if err == nil {
		err = os.WriteFile(told, text, 0o644)
	}
	a.kept = kept
	return kept, err
}

// makeState has a node make its state directory: it takes none in which there is an archive and no node was.
func (a *archives) makeState(ctx context.Context, b *bench, name string) error {
	text, state, err := a.kind.config(ctx, b, name)
	if err != nil {
		return err
	}
	n, err := b.startConfigured(ctx, flavour("make-"+a.name), state, text)
	if err != nil {
		return err
	}
	return n.stop()
}

func (a *archives) keptName(b *bench) string { return fmt.Sprintf("%s-%d", a.name, b.archiveRows()) }

// tellEvery is how often long work says how far it is.
const tellEvery = 15 * time.Second

// put fills an empty archive. The time is that of finding out what messages are found by and putting them in, as in a node.
func (a *archives) put(ctx context.Context, b *bench, name string, kept *keptArchive) (err error) {
	store, err := a.kind.open(ctx, b, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	h, told := b.theHistory(), time.Now()
	for kept.Rows < b.archiveRows() {
		n := min(archiveBatch, b.archiveRows()-kept.Rows)
		took, err := putBatch(ctx, h, store, kept.Rows, n, kept)
		if err != nil {
			return err
		}
		kept.Took += took
		if kept.Rows += n; time.Since(told) > tellEvery {
			told = time.Now()
			fmt.Printf("  %s: %s of %s messages, %s/s, the last %d took %s\n", name, thousands(float64(kept.Rows)), thousands(float64(b.archiveRows())),
				thousands(float64(kept.Rows)/kept.Took.Seconds()), n, took.Round(time.Millisecond))
		}
	}
	x, err := store.Extent(ctx)
	if err == nil && x.Rows != int64(kept.Rows) {
		err = fmt.Errorf("%d of %d messages are in the archive", x.Rows, kept.Rows)
	}
	return err
}

// putBatch puts messages into a store and gives the time that it took. kept, if there is one, counts their bytes.
func putBatch(ctx context.Context, h *history.History, store archive.Store, from, n int, kept *keptArchive) (time.Duration, error) {
	entries := make([]fedmsg.Entry, n)
	for i := range entries {
		entries[i] = h.Entry(from + i)
		if kept != nil {
			kept.Raw += int64(len(entries[i].Envelope))
			kept.Signatures += int64(len(entries[i].Signatures))
		}
	}
	start := time.Now()
	done, err := store.Append(ctx, archive.Drafts(entries), entries[n-1].Position)
	if err == nil && done.Stored != n {
		err = fmt.Errorf("%d of %d messages were stored", done.Stored, n)
	}
	return time.Since(start), err
}
