package commitlog

import (
	"sync/atomic"
	"time"
)

// Stats are totals since the log was opened.
type Stats struct {
	Records    uint64        // stored
	Duplicates uint64        // answered with an earlier receipt
	Refused    uint64        // failed on their own or with their batch
	Syncs      uint64        // writes that were synced; Records/Syncs is the size of a batch
	Bytes      uint64        // written and synced
	SyncTime   time.Duration // spent in writing and syncing
}

type counters struct {
	records, duplicates, refused, syncs, bytes atomic.Uint64
	syncTime                                   atomic.Int64
}

// count adds the outcomes of a batch.
func (c *counters) count(b *batch) {
	var records, duplicates, refused uint64
	for i := range b.outcomes {
		switch o := &b.outcomes[i]; {
		case o.Err != nil:
			refused++
		case o.Receipt.Duplicate:
			duplicates++
		default:
			records++
		}
	}
	c.records.Add(records)
	c.duplicates.Add(duplicates)
	c.refused.Add(refused)
}

func (c *counters) synced(bytes int, took time.Duration) {
	c.syncs.Add(1)
	c.bytes.Add(uint64(bytes))
	c.syncTime.Add(int64(took))
}

// Stats gives the totals since the log was opened.
func (l *Log) Stats() Stats {
	c := &l.stats
	return Stats{
		Records: c.records.Load(), Duplicates: c.duplicates.Load(), Refused: c.refused.Load(), Syncs: c.syncs.Load(),
		Bytes: c.bytes.Load(), SyncTime: time.Duration(c.syncTime.Load()),
	}
}
