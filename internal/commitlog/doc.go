// Package commitlog is the append-only log of a node: sequenced, checksummed, in segment files.
//
// It promises:
//   - A receipt means that the record is durable: its bytes, its file and the file's name were synced before.
//   - An error means "not stored", except CodeTimeout, which means "unknown".
//   - Order is fixed when Submit returns; every reader sees that order, each entry once, or a *fedmsg.Gap in its place.
//   - The same id with the same content is stored once over the whole retained log, also across restarts, and is answered
//     with the first receipt; with other content it is CodeIDConflict.
//   - Received never decreases, and a sequence number is never used for two entries that anybody was told of.
//   - A damaged byte costs the records that it hit, is named, and never hides another.
//   - Reading never blocks the writer.
//
// What the disk cannot read, a bad sector, costs the records in it: readers get a gap, their ids are unknown while it lasts,
// Health has failed, and it is tried again. It is not taken for damage, and nothing is cut off on its account.
//
// A write begins only when the one before it is durable, and every record names its write. So the existence of a record
// proves that all earlier writes were durable, and one place alone is ambiguous after a crash: the end of the last segment
// behind everything that such a proof, or end.json, covers. Bytes there that are no record are taken for a torn write, and
// are cut off with what follows them. That is wrong only where the disk damaged, between a crash and the start after it,
// the newest write, though it was acknowledged; where no record of it is whole, damage that reaches on into the write before
// goes the same way. end.json closes this window when the log is opened and closed, and in between a minute after each write.
//
// It does not promise to keep entries beyond MaxAge and MaxBytes, nor to notice that a whole directory was replaced by an
// older copy, except through the positions that readers saved (Options.Pins).
//
// One goroutine, the writer, owns all appending: it takes what is queued, writes it with one write, syncs once and answers
// everybody. A second one, the keeper, writes indexes of full segments and removes old ones. Close ends and awaits both.
//
// On disk (all integers little-endian): log.json has format, id and lineage; SEQ.seg are the segments, named by their first
// sequence number; SEQ.idx is the index of a full segment and can be rebuilt from it; end.json says up to which number
// everything is known to be durable (both JSON files carry a checksum); LOCK is held while a process has the log open.
package commitlog
