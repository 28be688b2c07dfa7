package zeromq

import (
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// noticeEvery is the least time between two notices of messages that are left out.
const noticeEvery = time.Minute

// warn tells the operator of what is allowed and hardly meant.
func (p *publisher) warn() {
	if p.misfit() {
		p.logger.Warn("this socket publishes in the old format, and the node makes no signatures that old validators know",
			"cure", `put x509 into sign, or leave format=fedmsg1 to subscribers that do not validate`)
	}
	if !p.curve && len(p.topics) == 0 {
		p.logger.Warn("nothing may be read here: beyond this machine only what topics= names is", "cure", "add topics=, as in topics=%23 for everything, or curve=yes")
	}
}

// misfit reports whether what the node signs is not what readers of the format validate by.
func (p *publisher) misfit() bool { return p.format == formatFedmsg1 && !p.deps.Embeds }

// made takes note of an entry that was encoded, which may happen several times.
func (p *publisher) made(e *fedmsg.Entry) {
	if p.format == formatFedmsg1 && p.isNew(e) && !embedded(e) {
		p.unsigned.Add(1)
		p.counts.unsigned.Inc()
	}
}

// omit takes note of an entry that cannot be said in the format.
func (p *publisher) omit(e *fedmsg.Entry, why error) {
	if p.isNew(e) {
		n := p.omitted.Add(1)
		p.counts.omitted.Inc()
		if !p.notice(time.Now()) {
			return
		}
		p.logger.Warn("a message cannot be said in this format and was left out", "position", e.Position.String(), "topic", e.Topic, "error", why, "so_far", n)
	}
}

// notice reports whether the operator is to be told of one more message that is left out: at most once in each noticeEvery.
func (p *publisher) notice(now time.Time) bool {
	last := p.noticed.Load()
	return now.UnixNano()-last >= int64(noticeEvery) && p.noticed.CompareAndSwap(last, now.UnixNano())
}

// isNew reports, once, that an entry was not looked at before: subscribers who are behind encode what others have had.
func (p *publisher) isNew(e *fedmsg.Entry) bool {
	for {
		last := p.counted.Load()
		if e.Position.Seq <= last {
			return false
		}
		if p.counted.CompareAndSwap(last, e.Position.Seq) {
			return true
		}
	}
}

// checks warns of what readers of the format cannot use.
func (p *publisher) checks() []ops.Check {
	text := ""
	if n := p.unsigned.Load(); n > 0 || p.misfit() {
		text = fmt.Sprintf("%s publishes as fedmsg1, and %d messages had no embedded signature since the start: programs of the old system that validate refuse such; put x509 into sign, or leave the format to those that do not", p.address, n)
	}
	if n := p.omitted.Load(); n > 0 {
		text = fmt.Sprintf("%s publishes as %s, and %d messages could not be said in it since the start; the node's log names some", p.address, p.format, n)
	}
	if text == "" {
		return nil
	}
	return []ops.Check{{Name: "zeromq-publish", Status: ops.Warning, Text: text}}
}
