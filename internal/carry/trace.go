package carry

import (
	"bytes"

	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

// Trace gives the headers of the trace inside an envelope, for a message whose body is the envelope: programs that follow traces
// look into headers alone. There are none where it is not well formed.
func Trace(envelope []byte) []Header {
	if !bytes.Contains(envelope, []byte(tracecontext.HeaderParent)) { // as nearly all
		return nil
	}
	return traceHeaders(traceOf(innerHeaders(envelope)))
}

// withTrace puts the trace of headers behind all others, under its standard names, or takes it out where it is not well formed.
func withTrace(headers []Header) []Header {
	there := false
	for _, h := range headers {
		there = there || tracecontext.IsHeader(h.Name)
	}
	if !there {
		return headers
	}
	out := make([]Header, 0, len(headers))
	for _, h := range headers {
		if !tracecontext.IsHeader(h.Name) {
			out = append(out, h)
		}
	}
	return append(out, traceHeaders(traceOf(headers))...)
}

// traceOf reads the trace of headers. Where two say what the parent is there is none.
func traceOf(headers []Header) tracecontext.Context {
	var parents, states []string
	for _, h := range headers {
		switch {
		case tracecontext.IsParent(h.Name):
			parents = append(parents, h.Value)
		case tracecontext.IsHeader(h.Name):
			states = append(states, h.Value)
		}
	}
	if len(parents) != 1 {
		return tracecontext.Context{}
	}
	return tracecontext.New(parents[0], states...)
}

func traceHeaders(c tracecontext.Context) []Header {
	switch {
	case c.IsZero():
		return nil
	case c.State == "":
		return []Header{{tracecontext.HeaderParent, c.Parent}}
	}
	return []Header{{tracecontext.HeaderParent, c.Parent}, {tracecontext.HeaderState, c.State}}
}
