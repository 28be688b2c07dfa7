package deliver

import "github.com/federated-messaging/fedmsg"

// account is what the lines of a journal tell of one entry. Of each kind the newest line counts; it is empty without one.
type account struct {
	skip      line // that it was skipped
	done      line // that it was delivered when its dead letter was tried again
	remark    line // a remark, or that there may have been one
	forgotten line // that it may have been skipped
}

// hear brings what was told of an entry before up to date with the next line.
func (a *account) hear(p fedmsg.Position, l *line) {
	switch {
	case l.Log != p.Log:
	case l.Kind == lineBack && p.Seq > l.From:
		*a = account{}
	case p.Seq < l.From || p.Seq > l.To:
	case l.Kind == lineSkip:
		a.skip = *l
	case l.Kind == lineDone:
		a.done, a.skip = *l, line{}
	case l.Kind == lineRemark, l.Kind == lineMany && a.remark.Kind == "":
		a.remark = *l
	case l.Kind == lineForgot:
		a.forgotten = *l
	}
}

// gather has a line of this kind tell of the entries of another line too.
func (l *line) gather(kind lineKind, other *line, reason string) {
	if l.Kind == "" {
		*l = line{Kind: kind, Log: other.Log, From: other.From, To: other.To, Reason: reason}
	}
	l.From, l.To, l.Time = min(l.From, other.From), max(l.To, other.To), other.Time
}

// forget has a line, which may be empty yet, tell that another one is kept no longer. They are forgotten in their order.
func (l *line) forget(other *line) {
	switch {
	case other.Kind == lineSkip, other.Kind == lineForgot:
		l.gather(lineForgot, other, reasonForgotten)
	case other.Kind == lineBack && other.From < l.To:
		if l.To = other.From; l.To < l.From {
			*l = line{}
		}
	}
}
