package ops

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HandlerOptions says how a [Handler] writes. The zero value writes plain lines from level info on.
type HandlerOptions struct {
	Level   slog.Leveler // the lowest level that is written; nil means info
	Journal bool         // put the priority before each line as <N>, which journald takes off again; see [Journal]
	Color   bool         // colour the level; see [Color]
	Time    bool         // put the time before each line; a journal or container runtime adds its own
}

// Handler writes log records for operators, one line each: LEVEL message key=value. Values with spaces, quotes or equal
// signs are quoted; everything passes [Printable]. Each record is one Write, under one lock shared with the handlers that
// were derived from this one.
type Handler struct {
	o      HandlerOptions
	out    *output
	attrs  []byte // " key=value" of WithAttrs, ready-made
	prefix string // "group." for each open group
}

// output is the writer that all derived handlers share.
type output struct {
	mu  sync.Mutex
	w   io.Writer // guarded by mu
	buf []byte    // guarded by mu; reused
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler makes a Handler that writes to w.
func NewHandler(w io.Writer, o HandlerOptions) *Handler {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	return &Handler{o: o, out: &output{w: w}}
}

// Enabled reports whether records of this level are written.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.o.Level.Level() }

// Handle writes one record.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	b := h.appendHead(h.out.buf[:0], r)
	b = append(b, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, h.prefix, a)
		return true
	})
	b = append(b, '\n')
	h.out.buf = b
	if cap(b) > 64<<10 {
		h.out.buf = nil // one huge record must not be paid for by all later ones
	}
	_, err := h.out.w.Write(b)
	return err
}

// appendHead appends what stands before the attributes.
func (h *Handler) appendHead(b []byte, r slog.Record) []byte {
	if h.o.Journal {
		b = append(b, '<', priority(r.Level), '>')
	}
	if h.o.Time && !r.Time.IsZero() {
		b = r.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z ")
	}
	color, plain := "", ""
	if h.o.Color {
		color, plain = levelColor(r.Level), "\x1b[0m"
	}
	b = append(b, color...)
	b = append(b, r.Level.String()...)
	b = append(b, plain...)
	b = append(b, ' ')
	return AppendPrintable(b, r.Message)
}

// WithAttrs gives a handler that adds these attributes to every record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	d := *h
	d.attrs = append([]byte(nil), h.attrs...)
	for _, a := range attrs {
		d.attrs = appendAttr(d.attrs, h.prefix, a)
	}
	return &d
}

// WithGroup gives a handler that puts "name." before the keys of later attributes.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	d := *h
	d.prefix += name + "."
	return &d
}

// priority is the syslog priority of a level, as one digit.
func priority(l slog.Level) byte {
	switch {
	case l >= slog.LevelError:
		return '3'
	case l >= slog.LevelWarn:
		return '4'
	case l >= slog.LevelInfo:
		return '6'
	}
	return '7'
}

func levelColor(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "\x1b[31m"
	case l >= slog.LevelWarn:
		return "\x1b[33m"
	case l >= slog.LevelInfo:
		return "\x1b[32m"
	}
	return "\x1b[2m"
}

// appendAttr appends " key=value", or nothing for an empty attribute; the members of a group one by one.
func appendAttr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if a.Key == "" && v.Equal(slog.Value{}) {
		return b
	}
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, m := range v.Group() {
			b = appendAttr(b, prefix, m)
		}
		return b
	}
	b = append(b, ' ')
	b = appendKey(appendKey(b, prefix), a.Key)
	b = append(b, '=')
	return appendValue(b, v)
}

// appendKey keeps a key one word, whatever it is made of.
func appendKey(b []byte, key string) []byte {
	key = strings.Map(func(r rune) rune {
		if r == ' ' || r == '=' || r == '"' {
			return '_'
		}
		return r
	}, key)
	return AppendPrintable(b, key)
}

func appendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindTime:
		return v.Time().UTC().AppendFormat(b, time.RFC3339Nano)
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	}
	s := v.String()
	if s != "" && !strings.ContainsAny(s, " \"=") {
		return AppendPrintable(b, s)
	}
	b = append(b, '"')
	b = AppendPrintable(b, strings.ReplaceAll(s, `"`, `\"`))
	return append(b, '"')
}
