package deliver

// Answers is where a session tells what became of the entries. All methods may be called by any goroutine and return at once. What
// is told twice, or of an entry that was not sent, is passed over.
type Answers struct{ to listener }

// listener hears the answers of one session.
type listener interface {
	done(seq uint64, err error)
	doneThrough(seq uint64)
	remark(seq uint64, text string)
	lost(err error)
}

// Done tells the fate of the entry with this number: nil is delivered, Permanent gives it up, any other error has it tried again
// in another session, with all behind it that is not answered yet. An error that was not made by NotNow counts an attempt of it.
func (a *Answers) Done(seq uint64, err error) { a.to.done(seq, err) }

// DoneThrough tells that all entries sent up to and including this one, which are not answered yet, are delivered.
func (a *Answers) DoneThrough(seq uint64) { a.to.doneThrough(seq) }

// Remark tells something about an entry that is delivered and that its publisher or an operator should know: that nobody is bound
// to its topic. It is counted, logged with restraint, and shown with the message. Told before the answer, it is seen by all who wait
// for that.
func (a *Answers) Remark(seq uint64, text string) { a.to.remark(seq, text) }

// Lost tells that the session is over without anybody's fault being known, or, with an error made by NotNow, by the destination's
// own. What is not answered is tried again in another one.
func (a *Answers) Lost(err error) { a.to.lost(err) }
