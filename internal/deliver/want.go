package deliver

import (
	"slices"

	"github.com/federated-messaging/fedmsg/internal/filter"
)

// filter is what the sink wants, of what it may have. Its topics are its scope.
func (c *Config) filter() (filter.Filter, []error) {
	f := filter.Filter{Prefixes: c.Prefixes, Senders: c.Senders, Signers: c.Signers, Scope: c.Topics}
	faults := []error{filter.CheckSenders(c.Senders), filter.CheckSigners(c.Signers)}
	if c.Where != "" {
		where, err := filter.ParseWhere(c.Where)
		f.Where, faults = where, append(faults, err)
	}
	return f, slices.DeleteFunc(faults, func(err error) bool { return err == nil })
}
