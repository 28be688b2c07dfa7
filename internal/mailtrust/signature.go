package mailtrust

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxField   = 16 << 10       // bytes of a field: of a longer one nothing is said
	maxNames   = 500            // fields that one signature is over
	clockError = 24 * time.Hour // how far in the future a signature may have been made
	hashSize   = 32             // bytes of the only hash that is taken, SHA-256
)

// signature is what a signature says of itself.
type signature struct {
	field            *field
	key              string // which kind of key made it: rsa or ed25519
	domain, selector string
	identity         string // the domain of i=
	names            []string
	relaxedHeader    bool
	relaxedBody      bool
	length           int64 // l=; negative for all of the body
	body, bytes      []byte
}

// readSignature reads a signature, and refuses what needs no key for it. now is when the mail is looked at. Without a domain and a
// selector that can be shown the signature is nil.
func readSignature(f *field, now time.Time) (*signature, finding) {
	// verification: dkim-size (TestRefused)
	if len(f.raw) > maxField {
		return nil, finding{policy, "the signature is longer than 16 KiB"}
	}
	tags, ok := readTags(string(f.value()))
	if !ok {
		return nil, broken("the signature is not a list of tags, each of them once")
	}
	s := &signature{field: f, domain: strings.ToLower(tags["d"]), selector: strings.ToLower(tags["s"]), length: -1}
	// verification: dkim-domain (TestRefused)
	if !isDomain(s.domain) || !isDomain(s.selector) || !strings.Contains(s.domain, ".") {
		return nil, broken("the signature names no domain (d=) with a selector (s=)")
	}
	for _, read := range []func(map[string]string) finding{s.readKind, s.readForm, s.readNames, s.readIdentity, s.readSums} {
		if f := read(tags); f != (finding{}) {
			return s, f
		}
	}
	return s, readTimes(tags, now)
}

// readKind reads how it was made.
func (s *signature) readKind(tags map[string]string) finding {
	// verification: dkim-version (TestRefused)
	if tags["v"] != "1" {
		return broken("the signature is of another version than 1")
	}
	key, hash, _ := strings.Cut(strings.ToLower(tags["a"]), "-")
	switch {
	// verification: dkim-sha1 (TestRefused)
	case hash == "sha1":
		return finding{policy, "the signature is made over SHA-1"}
	// verification: dkim-algorithm (TestRefused)
	case hash != "sha256" || key != "rsa" && key != "ed25519":
		return broken("the signature is of a kind (a=) that nobody knows")
	}
	s.key = key
	// verification: dkim-query (TestRefused)
	if q, ok := tags["q"]; ok && !slices.Contains(listOf(q), "dns/txt") {
		return broken("the signature's key is not to be asked for by DNS (q=)")
	}
	return finding{}
}

// readForm reads in which form the mail was signed, and how much of its body.
func (s *signature) readForm(tags map[string]string) finding {
	header, body, _ := strings.Cut(strings.ToLower(tags["c"]), "/")
	forms := map[string]bool{"": false, "simple": false, "relaxed": true}
	var known, both bool
	s.relaxedHeader, known = forms[header]
	s.relaxedBody, both = forms[body]
	// verification: dkim-canonicalization (TestRefused)
	if !known || !both {
		return broken("the mail was signed in a form (c=) that nobody knows")
	}
	l, ok := tags["l"]
	if !ok {
		return finding{}
	}
	var err error
	s.length, err = strconv.ParseInt(l, 10, 64)
	// verification: dkim-length (TestRefused)
	if err != nil || s.length < 0 {
		return broken("the signature does not tell how much of the body it is over (l=)")
	}
	return finding{}
}

// readNames reads which fields it is over.
func (s *signature) readNames(tags map[string]string) finding {
	// verification: dkim-names (TestRefused)
	if strings.Count(tags["h"], ":") >= maxNames {
		return finding{policy, "the signature is over more than 500 fields"}
	}
	s.names = listOf(tags["h"])
	// verification: dkim-from (TestRefused)
	if !slices.Contains(s.names, "from") {
		return broken("the signature is not over the sender (h= without from)")
	}
	return finding{}
}

// readIdentity reads for whom of the domain it was made.
func (s *signature) readIdentity(tags map[string]string) finding {
	i, ok := tags["i"]
	if !ok {
		s.identity = s.domain
		return finding{}
	}
	s.identity = strings.ToLower(i[strings.LastIndexByte(i, '@')+1:])
	// verification: dkim-identity (TestRefused)
	if !strings.Contains(i, "@") || s.identity != s.domain && !strings.HasSuffix(s.identity, "."+s.domain) {
		return broken("the signature is made for somebody (i=) of another domain")
	}
	return finding{}
}

// readSums reads the hash of the body and the signature itself.
func (s *signature) readSums(tags map[string]string) finding {
	var body, bytes bool
	s.body, body = decode(tags["bh"])
	s.bytes, bytes = decode(tags["b"])
	// verification: dkim-sums (TestRefused)
	if !body || !bytes || len(s.body) != hashSize {
		return broken("the signature has no hash of the body (bh=), or no signature (b=)")
	}
	return finding{}
}

// readTimes refuses a signature that ended, or is from the future.
func readTimes(tags map[string]string, now time.Time) finding {
	at := make(map[string]int64)
	for _, name := range []string{"t", "x"} {
		text, ok := tags[name]
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		// verification: dkim-times (TestRefused)
		if err != nil || n < 0 {
			return broken("the signature's times (t=, x=) are none")
		}
		at[name] = n
	}
	made, dated := at["t"]
	ends, ending := at["x"]
	switch {
	// verification: dkim-expired (TestRefused)
	case ending && now.Unix() > ends:
		return finding{fail, "the signature has expired (x=)"}
	// verification: dkim-ends-before (TestRefused)
	case dated && ending && ends <= made:
		return broken("the signature ended before it was made (x= and t=)")
	// verification: dkim-from-future (TestRefused)
	case dated && made > now.Add(clockError).Unix():
		return finding{fail, "the signature is from the future (t=)"}
	}
	return finding{}
}
