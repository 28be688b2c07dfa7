package archive

import (
	"math"
	"strconv"

	"github.com/federated-messaging/fedmsg"
)

// CursorBehind is the cursor for going on behind a key, as the page that ended there gave it.
func CursorBehind(k Key, newest bool) Cursor {
	order := "o"
	if newest {
		order = "n"
	}
	return Cursor(order + strconv.FormatInt(int64(k), 10))
}

// read gives the key where a page ended, and whether the order was newest first.
func (c Cursor) read() (k Key, newest bool, err error) {
	if len(c) > 1 && (c[0] == 'n' || c[0] == 'o') {
		n, err := strconv.ParseInt(string(c[1:]), 10, 64)
		if err == nil && n >= 0 && c == CursorBehind(Key(n), c[0] == 'n') {
			return Key(n), c[0] == 'n', nil
		}
	}
	return 0, false, fedmsg.Errorf(fedmsg.CodeBadRequest, "%q is no cursor; hand back the one of the page before as it is, or leave it out to begin", clip(string(c)))
}

// behind is the part of a window that lies behind a key.
func (w Window) behind(k Key) Window {
	if w.Newest {
		w.To = min(w.To, k)
	} else if k < math.MaxInt64 {
		w.From = max(w.From, k+1)
	} else {
		w.From = w.To
	}
	return w
}

// start is the key behind which the whole window lies.
func (w Window) start() Key {
	if w.Newest {
		return w.To
	}
	return w.From - 1
}

// end is the last key that may be in the window.
func (w Window) end() Key {
	if w.Newest {
		return w.From
	}
	return w.To - 1
}

// before reports whether a comes before b in the order of the window.
func (w Window) before(a, b Key) bool {
	if w.Newest {
		return a > b
	}
	return a < b
}

// window is the piece of time that is left of a question.
func (q *Query) window() (Window, error) {
	w := Window{From: 1, To: math.MaxInt64, Newest: !q.Oldest}
	if !q.Since.IsZero() {
		w.From = max(w.From, KeyOf(q.Since))
	}
	if !q.Until.IsZero() {
		w.To = max(w.From, KeyOf(q.Until))
	}
	if q.After == "" {
		return w, nil
	}
	k, newest, err := q.After.read()
	if err != nil {
		return w, err
	}
	if newest != w.Newest {
		return w, fedmsg.Errorf(fedmsg.CodeBadRequest, "the cursor %q is of a question in the other order; ask for order=%s, or leave the cursor out to begin", clip(string(q.After)), orderName(newest))
	}
	return w.behind(k), nil
}

func orderName(newest bool) string {
	if newest {
		return "newest"
	}
	return "oldest"
}
