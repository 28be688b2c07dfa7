package deliver

import "time"

// parked is what run waits for.
type parked uint8

const (
	awake  parked = iota
	onLog         // for the log, or a notification
	onWake        // for a notification only
)

// park waits until something happens: the log has entries where that is asked, notify is called or was since again was last
// cleared, or the time has come, if one is given.
func (r *runner) park(where parked, until time.Time) {
	if !until.IsZero() {
		d := until.Sub(r.now())
		if d <= 0 {
			return
		}
		r.alarm(d)
		defer r.timer.Stop()
	}
	r.mu.Lock()
	if r.again {
		r.again = false
		r.mu.Unlock()
		return
	}
	r.parked = where
	cursor := r.cursor
	r.mu.Unlock()
	if where == onLog {
		cursor.Wait()
	} else {
		<-r.wake
	}
	r.mu.Lock()
	r.parked, r.again, r.starved = awake, false, false
	r.mu.Unlock()
}

// alarm has run woken in a while.
func (r *runner) alarm(d time.Duration) {
	if r.timer == nil {
		r.timer = time.AfterFunc(d, r.nudge)
		return
	}
	r.timer.Reset(d)
}

func (r *runner) nudge() {
	r.mu.Lock()
	r.notify()
	r.mu.Unlock()
}

// notify has run look after what happened. The caller holds mu.
func (r *runner) notify() {
	switch r.parked {
	case awake:
		r.again = true
	case onLog:
		r.cursor.Wake()
	case onWake:
		select {
		case r.wake <- struct{}{}:
		default: // it has been told
		}
	}
	r.parked = awake
}
