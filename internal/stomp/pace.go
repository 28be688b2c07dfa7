package stomp

import "sync"

// pace is how much a sink puts into one transaction. ActiveMQ holds what belongs to a transaction in the memory of its queue, which
// may have a limit of its own, and takes nothing more while that is full: a transaction that does not fit is never committed. Nobody
// tells, so one that is met with silence is followed by smaller ones. And what goes without a transaction it keeps beyond the end of the
// connection until there is room, so that behind silence all goes in transactions: else each attempt would be delivered in the end.
// Sessions of the sink follow one another.
type pace struct {
	mu     sync.Mutex
	most   int  // guarded by mu: bytes of a transaction, by ActiveMQ's own count
	good   int  // guarded by mu: transactions committed since it changed
	silent bool // guarded by mu: what came last was silence
}

const (
	maxBytes = 192 << 10
	overhead = 1 << 10 // what ActiveMQ counts for a message beside its bytes, about
	growth   = 1000    // transactions
)

func newPace() *pace { return &pace{most: maxBytes} }

// full reports whether a transaction of so many messages and bytes is to be committed.
func (p *pace) full(count, bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes+count*overhead >= p.most
}

// alone reports whether an entry may go without a transaction.
func (p *pace) alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.silent
}

// committed tells of a transaction that the server has committed.
func (p *pace) committed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = false
	if p.good++; p.good >= growth {
		p.most, p.good = min(2*p.most, maxBytes), 0
	}
}

// silence tells that what was sent was met with silence, and whether there were transactions in it.
func (p *pace) silence(transactions bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent = true; transactions {
		p.most, p.good = max(p.most/4, 1), 0
	}
}
