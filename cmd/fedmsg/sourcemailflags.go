package main

import (
	"errors"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/mailin"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// readingFlags are the flags for the options that the address of a source of mails has. given gives those that are set, as such options.
func readingFlags(f *pflag.FlagSet) (given func() url.Values) {
	what := map[string]string{
		"service":      "`word` of the topics behind prefix and environment (default " + mailin.DefaultService + ")",
		"size":         "`bytes` of a mail, at most (default 20971520)",
		"max_parts":    "`parts` of a mail, at most (default 1000)",
		"max_received": "`servers` that a mail may have passed (default 50)",
		"dkim":         "check who signed a mail with DKIM: `yes or no`",
		"dns":          "`address` of the server of the DNS that is asked, such as 127.0.0.1:53 (default that of the system)",
		"key_time":     "`time` that a mail waits for the keys of domains (default 5s)",
		"keyrings":     "`files` of OpenPGP keys that sign uploads, divided by commas",
	}
	flag := func(option string) string { return strings.ReplaceAll(option, "_", "-") }
	for _, option := range mailin.ReaderOptions() {
		f.String(flag(option), "", what[option])
	}
	f.Lookup("dkim").NoOptDefVal = "yes"
	return func() url.Values {
		values := make(url.Values)
		for _, option := range mailin.ReaderOptions() {
			if set := f.Lookup(flag(option)); set.Changed {
				values.Set(option, set.Value.String())
			}
		}
		return values
	}
}

// mailReader gives a reader with options, which reads as a source does whose address has them.
func mailReader(cfg *config.Config, options url.Values) (mailin.Reader, error) {
	r := mailin.Reader{TopicPrefix: cfg.TopicPrefix, Environment: cfg.Environment}
	e, err := remote.Parse("unix:///?"+options.Encode(), []string{"unix"}, mailin.ReaderOptions())
	if err != nil {
		return r, err
	}
	r, err = r.WithOptions(e)
	if err = errors.Join(e.Err(), err); err == nil && r.Checker != nil {
		err = r.Checker.Open()
	}
	return r, err
}
