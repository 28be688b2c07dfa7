package zeromq

import "slices"

// CurveKeys lists the keys of the configuration that have an endpoint with curve=yes.
func (c *Config) CurveKeys() []string {
	var keys []string
	for _, l := range c.lists() {
		if slices.ContainsFunc(l.uris, func(uri string) bool { e, err := parseEndpoint(l.kind, uri); return err == nil && e.curve }) {
			keys = append(keys, l.kind.key())
		}
	}
	return keys
}
