// Package ops is the operator's view of a process: the log lines it writes, the health it reports, whether it is ready,
// and the registry of its metrics.
//
// It promises that text from outside reaches an operator's log or terminal only through [Printable], that a log record is
// always one line, and that a report is as bad as its worst check. It does not decide what is healthy: whoever owns a thing
// says so in a [Check]. Every type is safe for concurrent use unless it says otherwise.
package ops
