package oldconfig

import (
	"strings"

	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// logLevel takes the level of the program's own logger out of the logging of Python.
func (c *conversion) logLevel() {
	v, at, ok := c.value("logging")
	t, isTable := v.(*pyconf.Table)
	if !ok || !isTable {
		return
	}
	level, _ := inside(t, "loggers", "fedmsg", "level").(string)
	if level == "" {
		level, _ = inside(t, "root", "level").(string)
	}
	word := map[string]string{"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "WARN": "warn", "ERROR": "error", "CRITICAL": "error"}[strings.ToUpper(level)]
	if word != "" {
		c.top.set("log_level", quote(word), at)
	}
	c.drop(at, "logging: of handlers and formats there is one: lines on standard error, which journald keeps; the level is log_level")
}

// inside gives the value below keys of dicts in dicts, or nil.
func inside(t *pyconf.Table, keys ...string) pyconf.Value {
	var v pyconf.Value = t
	for _, key := range keys {
		below, ok := v.(*pyconf.Table)
		if !ok {
			return nil
		}
		v = below.Values[key]
	}
	return v
}
