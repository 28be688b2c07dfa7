package trust

import (
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// What becomes of messages while a revocation list is out of date.
const (
	refuseStale = "refuse"
	acceptStale = "accept"
)

// DefaultSettings is how strictly a node verifies where nothing was set.
func DefaultSettings() Settings {
	return Settings{MaxAge: time.Hour, MaxFuture: time.Minute, OnStaleCRL: refuseStale, StaleCRLGrace: 7 * 24 * time.Hour}
}

// Validate reports every value that makes no sense, each error beginning with the name of its key.
func (s *Settings) Validate() error {
	var faults []error
	fault := func(key, format string, args ...any) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "verification."+key+" "+format, args...))
	}
	if s.MaxAge <= 0 {
		fault("max_age", "is how old a signed message may be, more than 0, not %s", s.MaxAge)
	}
	if s.MaxFuture < 0 {
		fault("max_future", "is how far a clock may be ahead, 0 or more, not %s", s.MaxFuture)
	}
	if s.OnStaleCRL != refuseStale && s.OnStaleCRL != acceptStale {
		fault("on_stale_crl", "is refuse or accept, not %q", clip(s.OnStaleCRL))
	}
	if s.StaleCRLGrace < 0 {
		fault("stale_crl_grace", "is how long a list counts after its next update, 0 or more, not %s", s.StaleCRLGrace)
	}
	return errors.Join(faults...)
}

// Validate reports everything that makes no sense, without opening a file. Each error begins with trust and the number of the
// root, counted from 1, or with the policy's key.
func (f *File) Validate() error {
	var faults []error
	first := map[string]int{}
	for i := range f.Trust {
		r, n := &f.Trust[i], i+1
		fault := func(format string, args ...any) {
			faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "trust %d "+format, append([]any{n}, args...)...))
		}
		r.validate(fault)
		if before := first[r.Name]; before > 0 && r.Name != "" {
			fault("has the name %q, as trust %d has; signers are told apart by it, so give it another", r.Name, before)
		} else {
			first[r.Name] = n
		}
	}
	return errors.Join(append(faults, f.Policy.validate()...)...)
}

func (r *Root) validate(fault func(format string, args ...any)) {
	if !validName(r.Name) {
		fault("has the name %q; a name is 1 to %d letters, digits, dots, dashes and underscores", clip(r.Name), maxName)
	}
	kinds := 0
	for _, set := range [...]bool{r.CA != "", r.Keyring != "", len(r.Keys) > 0} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		fault("has %d of the keys ca, keyring and keys; exactly one says whom it trusts", kinds)
	}
	// verification: keyring-needs-legacy (TestValidate)
	if r.Keyring != "" && !r.Legacy {
		fault("has a keyring without legacy = true; the OpenPGP form leaves topic, id and time unsigned, so it must be asked for by name")
	}
	if r.CRL != "" && r.CA == "" {
		fault("has a crl without a ca; a revocation list is of an authority's certificates")
	}
	for _, path := range r.Keys {
		if path == "" {
			fault("has an empty path in keys; leave it out")
		}
	}
	if len(r.Topics) == 0 {
		fault(`has no topics, so it may speak for nothing; topics = ["org.example.#"] is everything below org.example`)
	}
	for _, p := range r.Topics {
		if p.String() == "" {
			fault("has an empty pattern in topics; # matches every topic")
		}
	}
	if !r.NotBefore.IsZero() && !r.NotAfter.IsZero() && r.NotAfter.Before(r.NotBefore) {
		fault("has a not_after that is before its not_before, so it is never trusted")
	}
}

// clip shortens what came from outside, for use in a sentence.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
