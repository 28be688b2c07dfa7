package config

import (
	"github.com/federated-messaging/fedmsg/internal/poll"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// MessageSource is one [[source]]: what all kinds have, and what one of them has beside.
type MessageSource struct {
	receive.Config
	Poll poll.Config // of an address that begins with poll+
}

// NewPoll makes the source of a [[source]] of rows, which opens nothing, and tells how its failures are waited out. Without a directory
// it can only be judged.
func (c *Config) NewPoll(m MessageSource, dir string) (*poll.Source, receive.Config, error) {
	made := m.Config
	first, most := poll.Patience(m.Poll)
	if made.RetryFirst == 0 {
		made.RetryFirst = first
	}
	if made.RetryMax == 0 {
		made.RetryMax = max(most, made.RetryFirst)
	}
	source, err := poll.NewSource(m.Config, m.Poll, poll.Options{TopicPrefix: c.TopicPrefix, Environment: c.Environment, Limits: c.Limits, Dir: dir})
	return source, made, err
}

// pollMeaning is meaning for sources of rows.
func pollMeaning(key string) string {
	switch key {
	case "source.poll.every":
		return "How often it is asked. 0s means 1m."
	case "source.poll.timeout":
		return "How long a question may take, to the last byte of its answer. 0s means 30s."
	case "source.poll.key":
		return "The columns that tell rows apart."
	case "source.poll.ignore":
		return "Columns that are left out: neither compared nor published."
	case "source.poll.topic":
		return "The beginning of the topics, to which .added, .changed and .removed is put."
	case "source.poll.added":
		return "The whole topic of new rows instead."
	case "source.poll.changed":
		return "The whole topic of changed rows instead."
	case "source.poll.removed":
		return "The whole topic of rows that are gone instead."
	case "source.poll.first":
		return "What becomes of the rows of the very first answer: quiet (nothing is published) or publish (all are new). Empty: quiet."
	case "source.poll.empty":
		return "What an answer without rows is behind one with rows: refuse (an error) or publish (all are gone). Empty: refuse."
	case "source.poll.format":
		return "How a page or program writes rows: json, ndjson, csv or tsv. Empty: json."
	case "source.poll.rows":
		return "Where in JSON the array of rows is, as in data.packages. Empty: it is the whole."
	case "source.poll.command":
		return "Of poll+exec: the program and its arguments; never through a shell."
	case "source.poll.query":
		return "Of a database: the one statement that is asked."
	case "source.poll.max_bytes":
		return "Most bytes of an answer. 0 means 256MiB."
	case "source.poll.max_rows":
		return "Most rows of an answer; each takes about 50 bytes of memory and its key while it is compared. 0 means 1000000."
	case "source.poll.insecure_plain_http":
		return "Ask another machine over plain HTTP, where whoever is between can publish what he likes."
	}
	return ""
}
