package deliver

import (
	"errors"

	"github.com/federated-messaging/fedmsg/internal/filter"
)

// filter is what the sink wants, of what it may have. Its topics are its scope.
func (c *Config) filter() (filter.Filter, error) {
	f := filter.Filter{Prefixes: c.Prefixes, Senders: c.Senders, Signers: c.Signers, Scope: c.Topics}
	err := errors.Join(filter.CheckSenders(c.Senders), filter.CheckSigners(c.Signers))
	if c.Where != "" {
		var bad error
		f.Where, bad = filter.ParseWhere(c.Where)
		err = errors.Join(err, bad)
	}
	return f, err
}
