package deliver

import (
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// filter is what the sink wants, of what it may have.
func (c *Config) filter() (filter.Filter, error) {
	return filter.Filter{Prefixes: c.Prefixes, Scope: c.Topics}, nil
}
