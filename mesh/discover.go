package mesh

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/stamp"
)

// found is what a source says now: all its services.
type found struct {
	source   int // which one; the first that knows a service decides where it answers
	services []keyed
}

// keyed is a service with what its numbering is known by. That is its name, but for the publishers of a domain, each of which
// counts for itself under the name of all.
type keyed struct {
	key string
	Service
}

// keyedByName gives services their names as keys.
func keyedByName(services []Service) []keyed {
	all := make([]keyed, len(services))
	for i, s := range services {
		all[i] = keyed{s.Name, s}
	}
	return all
}

// union is the services of all sources together.
func union(sources [][]keyed) map[string]Service {
	all := make(map[string]Service)
	for _, services := range sources {
		for _, s := range services {
			if known, again := all[s.key]; again {
				all[s.key] = known.with(s.Service)
				continue
			}
			all[s.key] = s.Service
		}
	}
	return all
}

// watchFile reads an endpoints file now and whenever it changes, and hands on what it says. A file that cannot be read says
// what it said before; one that is not there yet says nothing.
func watchFile(ctx context.Context, path string, poll time.Duration, report func(Event), tell func([]keyed)) {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	var seen stamp.Stamp
	var failed string
	for first := true; ; first = false {
		now := stamp.Of(path)
		if first || now != seen || failed != "" {
			text, err := readEndpoints(path)
			switch {
			case err == nil:
				services, faults := ParseEndpoints(text)
				for _, fault := range faults {
					report(Event{Kind: SourceFault, Endpoint: path, Err: fault})
				}
				tell(keyedByName(services))
				report(Event{Kind: SourceRead, Endpoint: path, Services: len(services)})
				failed = ""
			case err.Error() != failed:
				failed = err.Error()
				report(Event{Kind: SourceFailed, Endpoint: path, Err: err})
			}
			seen = now
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// readEndpoints reads a file of a bounded size. A pipe is not waited for.
func readEndpoints(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fedmsg.WrapError(fedmsg.CodeNotFound, err, "there is no endpoints file %s; it is looked for again", path)
		}
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the endpoints file %s", path)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return io.ReadAll(io.LimitReader(f, maxEndpoints+1))
}

// unsaidPolls is for how many times the shortest time an answer holds that does not say it.
const unsaidPolls = 5

// watchDomain asks for the publishers of a domain now and whenever the answer's time is over, and hands on what changed. While
// nobody answers, the last answer holds.
func watchDomain(ctx context.Context, r *resolver, domain string, poll time.Duration, report func(Event), tell func([]keyed)) {
	retry := backoff.Backoff{Policy: backoff.Policy{First: poll / 2, Max: max(poll, longestRetry)}}
	var last []string
	var failed bool
	for first := true; ctx.Err() == nil; {
		addresses, ttl, err := r.publishers(ctx, domain)
		if err != nil {
			if !failed && ctx.Err() == nil {
				report(Event{Kind: SourceFailed, Endpoint: domain, Err: fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot ask who publishes for %s", domain)})
			}
			failed = true
			_ = retry.Wait(ctx)
			continue
		}
		retry.Reset()
		if first || !slices.Equal(addresses, last) {
			tell(ofDomain(domain, addresses, report))
		}
		if first || failed || !slices.Equal(addresses, last) {
			report(Event{Kind: SourceRead, Endpoint: domain, Services: len(addresses)})
		}
		first, failed, last = false, false, addresses
		if ttl == 0 { // as there is nothing
			ttl = unsaidPolls * poll
		}
		select {
		case <-time.After(min(max(ttl, poll), longestTTL)):
		case <-ctx.Done():
		}
	}
}

// ofDomain makes services of the addresses of a domain.
func ofDomain(domain string, addresses []string, report func(Event)) []keyed {
	var services []keyed
	for _, a := range addresses {
		if err := checkAddress(domain, a); err != nil {
			report(Event{Kind: SourceFault, Endpoint: domain, Err: err})
			continue
		}
		services = append(services, keyed{domain + " " + a, Service{Name: domain, Addresses: []string{a}}})
	}
	return services
}
