package poll

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/rowset"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// Config is [source.poll] of a [[source]]: what is asked, and what becomes of its rows. Zero fields stand for what their comments say.
type Config struct {
	Every   time.Duration // from one question to the next; 0 means a minute
	Timeout time.Duration // of a question, to the last byte of its answer; 0 means 30 s

	Key    []string // the columns that a row is known by; must be set
	Ignore []string // columns that are left out, as if they were not there

	Topic   string // the beginning of the topics, to which .added, .changed or .removed is put; a short one gets the node's prefix
	Added   string // the topic of new rows in its stead
	Changed string // of changed ones
	Removed string // of those that are gone

	First string // what becomes of the rows of the very first answer: FirstQuiet (also where it is empty) or FirstPublish
	Empty string // what is made of an answer without rows behind one with rows: EmptyRefuse (also where it is empty) or EmptyPublish

	Format  string   // of an answer by HTTP or of a program: json (also where it is empty), ndjson, csv or tsv
	Rows    string   // dotted names of the members of JSON below which the array of rows lies; empty: it is the whole
	Command []string // of poll+exec: the program and its arguments
	Query   string   // of a database: one statement that reads

	MaxBytes int // of an answer; 0 means 256 MiB
	MaxRows  int // of an answer; 0 means 1,000,000

	InsecurePlainHTTP bool `toml:"insecure_plain_http"` // ask another machine over plain HTTP, where anybody can change the answer
}

// What [Config.First] and [Config.Empty] are.
const (
	FirstQuiet   = "quiet"   // nothing is published: they are what the next answer is compared with
	FirstPublish = "publish" // all are new
	EmptyRefuse  = "refuse"  // it is an error, and nothing changes
	EmptyPublish = "publish" // all rows are gone
)

const (
	defaultEvery    = time.Minute
	defaultTimeout  = 30 * time.Second
	defaultMaxBytes = 256 << 20
	defaultMaxRows  = 1_000_000

	leastEvery = time.Second
	mostRows   = 20_000_000
)

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	c.Every = either(c.Every, defaultEvery)
	c.Timeout = either(c.Timeout, defaultTimeout)
	c.MaxBytes = either(c.MaxBytes, defaultMaxBytes)
	c.MaxRows = either(c.MaxRows, defaultMaxRows)
	c.First = either(c.First, FirstQuiet)
	c.Empty = either(c.Empty, EmptyRefuse)
	c.Format = either(c.Format, string(tabular.JSON))
	return c
}

func either[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// IsSet reports whether anything was set.
func (c *Config) IsSet() bool {
	return len(c.Key)+len(c.Ignore)+len(c.Command) > 0 || c.InsecurePlainHTTP || c.MaxBytes != 0 || c.MaxRows != 0 || c.Every != 0 || c.Timeout != 0 ||
		c.Topic+c.Added+c.Changed+c.Removed+c.First+c.Empty+c.Format+c.Rows+c.Query != ""
}

// validate tells all that is wrong, whatever is asked.
func (c *Config) validate() error {
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fault(format, args...)) }
	if c.Every < 0 || c.Every > 0 && c.Every < leastEvery {
		add("poll.every is at least %s, not %s", leastEvery, c.Every)
	}
	if c.Timeout < 0 || c.MaxBytes < 0 || c.MaxRows < 0 || c.MaxRows > mostRows {
		add("poll.timeout, poll.max_bytes and poll.max_rows are not below zero, and max_rows is at most %d", mostRows)
	}
	if len(c.Key) == 0 {
		add(`poll.key is missing; it names the columns that tell rows apart, as in key = ["package", "architecture"]`)
	}
	for i, name := range c.Key {
		if slices.Contains(c.Key[:i], name) {
			add("poll.key names %q twice", name)
		}
		if slices.Contains(c.Ignore, name) {
			add("poll.ignore names %q, which is one of poll.key", name)
		}
	}
	if c.Topic == "" && (c.Added == "" || c.Changed == "" || c.Removed == "") {
		add(`poll.topic is missing; it begins the topics of what is published, as in topic = "org.example.prod.wannabuild.package"`)
	}
	for _, choice := range [...]struct {
		key, value string
		values     []string
	}{
		{"first", c.First, []string{FirstQuiet, FirstPublish}},
		{"empty", c.Empty, []string{EmptyRefuse, EmptyPublish}},
		{"format", c.Format, []string{string(tabular.JSON), string(tabular.NDJSON), string(tabular.CSV), string(tabular.TSV)}},
	} {
		if choice.value != "" && !slices.Contains(choice.values, choice.value) {
			add("poll.%s is one of %s, not %q", choice.key, strings.Join(choice.values, ", "), choice.value)
		}
	}
	if c.Rows != "" && c.Format != "" && c.Format != string(tabular.JSON) {
		add("poll.rows says where in JSON the rows are, and poll.format is %s", c.Format)
	}
	return errors.Join(faults...)
}

// unwanted refuses keys that are for other addresses.
func (c *Config) unwanted(scheme string, keys map[string]bool) error {
	var faults []error
	for _, k := range [...]struct {
		name string
		set  bool
	}{
		{"command", len(c.Command) > 0}, {"query", c.Query != ""}, {"format", c.Format != ""}, {"rows", c.Rows != ""},
		{"insecure_plain_http", c.InsecurePlainHTTP},
	} {
		if k.set && !keys[k.name] {
			faults = append(faults, fault("poll.%s is not for %s", k.name, scheme))
		}
	}
	return errors.Join(faults...)
}

// topics are the topics of what is published, whole: a short one is put behind prefix and environment.
func (c *Config) topics(prefix, environment string) map[rowset.Kind]string {
	topics := make(map[rowset.Kind]string, 3)
	for kind, own := range map[rowset.Kind]string{rowset.Added: c.Added, rowset.Changed: c.Changed, rowset.Removed: c.Removed} {
		topics[kind] = fedmsg.FullTopic(prefix, environment, "", either(own, c.Topic+"."+string(kind)))
	}
	return topics
}

// shape is what makes rows comparable.
func (c *Config) shape() rowset.Shape { return rowset.Shape{Key: c.Key, Ignore: c.Ignore} }

// path is where in JSON the rows are.
func (c *Config) path() []string {
	if c.Rows == "" {
		return nil
	}
	return strings.Split(c.Rows, ".")
}

func fault(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, format, args...)
}
