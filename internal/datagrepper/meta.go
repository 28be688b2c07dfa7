package datagrepper

import (
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// metaNames are the values of meta= of the old service in both of its ages.
func metaNames() []string {
	return []string{
		"agent_avatar", "agent_name", "app_icon", "containers", "date", "flatpaks", "icon", "link", "modules", "objects", "packages", "secondary_icon",
		"subtitle", "summary", "text", "title", "url", "usernames",
	}
}

// appendMeta appends what was asked for of a message. There are no rules yet that make texts, links and pictures of messages:
// those are null, and a summary is the topic, as it is of every message without such rules.
func (q *request) appendMeta(b []byte, row *archive.Row) []byte {
	about := facts.Of(&row.Entry)
	b = append(b, '{')
	for i, name := range q.meta {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"', ':')
		switch name {
		case "usernames":
			b = appendList(b, about.Users)
		case "packages":
			b = appendList(b, about.Packages)
		case "containers", "flatpaks", "modules", "objects":
			b = append(b, "[]"...)
		case "summary", "title", "subtitle":
			b = fedmsg.AppendJSONString(b, row.Entry.Topic)
		case "agent_name":
			b = appendAgent(b, &row.Entry)
		case "date":
			b = fedmsg.AppendJSONString(b, ago(q.now.Sub(sentAt(row))))
		default:
			b = append(b, "null"...)
		}
	}
	return append(b, '}')
}

// agentPaths are where a message says who acted.
func agentPaths() [][]string {
	return [][]string{{"msg", "agent"}, {"msg", "agent_name"}, {"headers", "agent_name"}}
}

// appendAgent appends who acted, or null.
func appendAgent(b []byte, e *fedmsg.Entry) []byte {
	for _, path := range agentPaths() {
		raw := e.Envelope
		for _, name := range path {
			if len(raw) == 0 || raw[0] != '{' {
				raw = nil
				break
			}
			raw = jsonwalk.Member(raw, name)
		}
		if len(raw) >= 2 && raw[0] == '"' {
			return append(b, raw...)
		}
	}
	return append(b, "null"...)
}

// ago says in words how long ago something was.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	before, behind := "", " ago"
	if d < 0 {
		d, before, behind = -d, "in ", ""
	}
	if d < 10*time.Second {
		return "just now"
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "year"}, {30 * day, "month"}, {7 * day, "week"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := int(d / unit.length)
		if n == 0 {
			continue
		}
		text := strconv.Itoa(n) + " " + unit.name
		if n > 1 {
			text += "s"
		}
		return before + text + behind
	}
	return "just now"
}
