package carry

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// MessageHeaders gives the headers inside an envelope (its member "headers"), in their order, and behind them the trace, if it is
// well formed. What is no text, as the old wire has it, is left out.
func MessageHeaders(envelope []byte) []Header { return withTrace(innerHeaders(envelope)) }

func innerHeaders(envelope []byte) []Header {
	raw := wire.HeadersOf(envelope)
	if raw == nil {
		return nil
	}
	var headers []Header
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return headers
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return headers // NaN and its like: the old wire
		}
		n, isName := name.(string)
		if v, isText := value.(string); isName && isText {
			headers = append(headers, Header{n, v})
		}
	}
	return headers
}

// appendHeaders makes the JSON object of headers, without those of this package. Of several with one name the first counts. Those
// of a trace are there if it is well formed and there is room for them: it is no reason to refuse a message.
func appendHeaders(headers []Header) []byte {
	var out []byte
	seen := make(map[string]bool, len(headers))
	for _, h := range headers {
		name := string(fedmsg.AppendJSONString(nil, h.Name)) // two that are not UTF-8 may become one
		if seen[name] || ours(h.Name) || tracecontext.IsHeader(h.Name) {
			continue
		}
		seen[name] = true
		if out == nil {
			out = append(out, '{')
		} else {
			out = append(out, ',')
		}
		out = append(append(out, name...), ':')
		out = fedmsg.AppendJSONString(out, h.Value)
	}
	if out != nil {
		out = append(out, '}')
	}
	return traceOf(headers).AppendTo(out, fedmsg.DefaultLimits().Headers)
}

// ours reports whether a header is one of this package, or a piece of one.
func ours(name string) bool {
	for _, h := range [...]string{HeaderID, HeaderTopic, HeaderHead, HeaderTail, HeaderSignatures, HeaderOrigin} {
		if rest, ok := strings.CutPrefix(name, h); ok && (rest == "" || rest[0] == '-') {
			return true
		}
	}
	return false
}
