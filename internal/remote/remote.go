// Package remote is what the configuration says of another server: its address with options, who this node is there, and
// whom it trusts there.
//
// It promises that a secret stands in a file of its own and never in an address, that an option which is not known is
// refused, and that whatever is shown of an address has no secret in it. It opens no connection.
package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Files names what lies in files beside an address; each may be empty.
type Files struct {
	Credentials string // "USER:PASSWORD", or a token alone, in the first line; mode 0600
	CA          string // PEM file of the authorities that the server's certificate is judged by; empty: those of the system
	Certificate string // PEM file of the certificate that this node shows
	Key         string // PEM file of its private key, mode 0600
}

// Endpoint is an address as the configuration writes it: SCHEME://[USER@]HOST[:PORT][/PATH][?OPTIONS]; of the schemes that are
// of this machine (unix, lmtp+unix, maildir), which have no host, SCHEME:///PATH[?OPTIONS].
type Endpoint struct {
	Scheme  string
	User    string // the user in the address; empty without one
	Host    string // name or address without port
	Port    string // empty leaves it to the protocol
	Path    string // decoded, with its leading slash
	RawPath string // as it was written
	values  url.Values
	faults  []error
}

// Parse reads an address of one of the schemes. What is wrong with its options, of which there are no others than those, is told by
// [Endpoint.Err] when they have been read.
func Parse(address string, schemes, options []string) (*Endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || strings.Contains(address, "#") {
		return nil, fault("%q is not an address of the form %s://HOST:PORT; write a # in it as %%23", hide(address), schemes[0])
	}
	if !slices.Contains(schemes, u.Scheme) {
		return nil, fault("%q begins with none of %s", hide(address), strings.Join(schemes, ", "))
	}
	if _, given := u.User.Password(); given {
		return nil, fault("%q has a password in it, which everybody sees who sees the configuration; put USER:PASSWORD into a file of mode 0600 and name it by credentials", hide(address))
	}
	if u.Hostname() == "" && !local(u.Scheme) {
		return nil, fault("%q names no host", hide(address))
	}
	e := &Endpoint{Scheme: u.Scheme, User: u.User.Username(), Host: u.Hostname(), Port: u.Port(), Path: u.Path, RawPath: u.EscapedPath()}
	if e.values, err = url.ParseQuery(u.RawQuery); err != nil {
		return nil, fault("%q has a query that is not well formed; bytes such as %% and & in a value are escaped", hide(address))
	}
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		switch {
		case !slices.Contains(options, name):
			e.wrong("%q has the option %q, which is not known; there are %s", hide(address), name, strings.Join(options, ", "))
		case len(e.values[name]) > 1:
			e.wrong("%q has %s twice", hide(address), name)
		}
	}
	return e, nil
}

// wrong takes note of a fault, once however often an option is read.
func (e *Endpoint) wrong(format string, args ...any) {
	err := fault(format, args...)
	if !slices.ContainsFunc(e.faults, func(had error) bool { return had.Error() == err.Error() }) {
		e.faults = append(e.faults, err)
	}
}

// Err joins all that was wrong with the options that were read, and those that are not known; nil without a fault.
func (e *Endpoint) Err() error { return errors.Join(e.faults...) }

// local reports whether what has this scheme is on this machine, and has no host.
func local(scheme string) bool {
	return scheme == "unix" || scheme == "maildir" || strings.HasSuffix(scheme, "+unix")
}

// hide takes out of an address, which may be wrong in every way, what may be a secret: all between the first colon behind the scheme
// and the last @, and all behind a question mark.
func hide(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if ok {
		scheme += "://"
	} else {
		scheme, rest = "", address
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if colon := strings.IndexByte(rest[:at], ':'); colon >= 0 {
			rest = rest[:colon] + ":…" + rest[at:]
		}
	}
	if before, _, ok := strings.Cut(rest, "?"); ok {
		rest = before + "?…"
	}
	return scheme + rest
}

// Has reports whether the option is given.
func (e *Endpoint) Has(option string) bool { return e.values.Has(option) }

// Option gives the value of an option, or what stands for one that is not given.
func (e *Endpoint) Option(name, otherwise string) string {
	if !e.values.Has(name) {
		return otherwise
	}
	return e.values.Get(name)
}

// OneOf gives the value of an option that has one of the values, of which the first stands for one that is not given, or is wrong.
func (e *Endpoint) OneOf(name string, values ...string) string {
	v := e.Option(name, values[0])
	if !slices.Contains(values, v) {
		e.wrong("%s is one of %s, not %q", name, strings.Join(values, ", "), v)
		return values[0]
	}
	return v
}

// Flag gives the value of an option that is yes or no; one that is not given, or is wrong, is otherwise.
func (e *Endpoint) Flag(name string, otherwise bool) bool {
	switch e.Option(name, "") {
	case "yes":
		return true
	case "no":
		return false
	}
	if e.values.Has(name) {
		e.wrong("%s is yes or no, not %q", name, e.values.Get(name))
	}
	return otherwise
}

// Number gives the value of an option that is a whole number from least to most; one that is not given, or is wrong, is otherwise.
func (e *Endpoint) Number(name string, otherwise, least, most int) int {
	if !e.values.Has(name) {
		return otherwise
	}
	n, err := strconv.Atoi(e.values.Get(name))
	if err != nil || n < least || n > most {
		e.wrong("%s is a whole number from %d to %d, not %q", name, least, most, e.values.Get(name))
		return otherwise
	}
	return n
}

// Duration gives the value of an option that is a time as in 10s; one that is not given, or is wrong, is otherwise.
func (e *Endpoint) Duration(name string, otherwise, least, most time.Duration) time.Duration {
	if !e.values.Has(name) {
		return otherwise
	}
	d, err := time.ParseDuration(e.values.Get(name))
	if err != nil || d < least || d > most {
		e.wrong("%s is a time from %s to %s, not %q", name, least, most, e.values.Get(name))
		return otherwise
	}
	return d
}

// Address is host and port, with that port where none is written.
func (e *Endpoint) Address(port string) string {
	if e.Port != "" {
		port = e.Port
	}
	return net.JoinHostPort(e.Host, port)
}

// String is the address for people: without user and options.
func (e *Endpoint) String() string {
	host := e.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if e.Port != "" {
		host += ":" + e.Port
	}
	return e.Scheme + "://" + host + e.RawPath
}

// maxSecret bounds a file of credentials.
const maxSecret = 16 << 10

// Secret reads the file of credentials: its first line. Without a file it is empty. A file that others may read is refused.
func (f *Files) Secret() (string, error) {
	if f.Credentials == "" {
		return "", nil
	}
	size, err := secretSize(f.Credentials, "the credentials")
	if err != nil {
		return "", err
	}
	if size > maxSecret {
		return "", fault("the file %s has %d bytes; credentials are one line", f.Credentials, size)
	}
	data, err := os.ReadFile(f.Credentials)
	if err != nil {
		return "", fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the credentials")
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fault("the file %s has nothing in its first line", f.Credentials)
	}
	return line, nil
}

// secretSize gives the size of a file that nobody else may read, and refuses one that others may.
func secretSize(path, what string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read %s", what)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return 0, fault("the file %s can be read by others (mode %04o); chmod 600 it", path, mode)
	}
	return info.Size(), nil
}

// Login gives user and password: those of the file of credentials, else the user of the address without a password.
func (f *Files) Login(e *Endpoint) (user, password string, err error) {
	secret, err := f.Secret()
	if err != nil || secret == "" {
		return e.User, "", err
	}
	user, password, ok := strings.Cut(secret, ":")
	if !ok {
		return "", "", fault("the first line of %s is not USER:PASSWORD", f.Credentials)
	}
	return user, password, nil
}

// TLS makes the settings of a connection to the host. The files are read again at each call, so that renewed certificates
// count at the next connection. A key that others may read is refused.
func (f *Files) TLS(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the file of authorities (ca)")
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault("the file %s (ca) has no PEM certificate in it", f.CA)
		}
	}
	if f.Certificate == "" {
		return c, nil
	}
	if _, err := secretSize(f.Key, "the key of the certificate"); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot use certificate %s with key %s", f.Certificate, f.Key)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// Validate tells what cannot be right about the names, without opening a file.
func (f *Files) Validate() error {
	if (f.Certificate == "") != (f.Key == "") {
		return fault("certificate and key go together; one of them is not set")
	}
	return nil
}

func fault(format string, args ...any) error {
	return &fedmsg.Error{Code: fedmsg.CodeConfig, Message: fmt.Sprintf(format, args...)}
}
