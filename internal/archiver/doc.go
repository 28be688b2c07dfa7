// Package archiver walks the log and puts what is new into the archive.
//
// It promises that every entry of the log is in the archive once, whatever is killed when; that a store which fails holds up nobody
// but itself, is tried again, and is told of in health and metrics; and that what the archive has not taken stays in the log. Where
// the log has not what the archive lacks, it is told of, and never passed over in silence. It owns the writing to the store: what
// else is to be written goes through it.
package archiver
