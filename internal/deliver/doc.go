// Package deliver walks each sink of a node along the log.
//
// It promises, for each sink:
//   - Every wanted entry is delivered at least once, in the log's order, or lies with the dead letters, or is told of as
//     skipped; a crash repeats what was under way and skips nothing.
//   - The place is saved behind what the sink has acknowledged, never before it.
//   - What can be tried again is tried again, with growing waits, for as long as the sink stands in the configuration. One entry
//     that is at fault itself is given up after some attempts, and those behind it go on; a destination that is down, or says that
//     it takes nothing now, costs no entry.
//   - No sink gets a topic outside its own, and none waits for another. Publishers wait for none, unless they ask to.
//
// Order holds where the destination takes what is sent in the order in which it is sent: one that refuses an entry and takes
// those behind it has them out of order, unless in_flight is 1. Where several entries in a row make the destination break off the
// connection, some behind them may overtake those that turn out to be innocent.
//
// It knows no protocol. A sink says *permanent*, *not now* or *try again*, and nothing more.
package deliver
