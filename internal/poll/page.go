package poll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/remote"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

const (
	maxHeaders = 64 << 10        // bytes of the head of an answer
	settled    = 2 * time.Second // from when a page was written to when its times of whole seconds tell it from every other
	userAgent  = "fedmsg"
)

// page asks by HTTP.
type page struct {
	address string // with its query, which may have secrets in it
	shown   string // without
	host    string
	tls     bool
	files   remote.Files
	form    tabular.Options

	known, last validators // of the answer that is remembered, and of the last one
	bytes       memory     // of the same
}

// validators are by what the other side knows an answer again.
type validators struct{ etag, modified string }

// validatorsOf gives those of an answer, or none of a page that was written just now: it may be written once more within the second, and
// servers tell that neither by Last-Modified nor, where they make one of it, by ETag.
func validatorsOf(h http.Header) validators {
	v := validators{h.Get("ETag"), h.Get("Last-Modified")}
	if v.modified == "" {
		return v
	}
	modified, err := http.ParseTime(v.modified)
	now, dateErr := http.ParseTime(h.Get("Date"))
	if err != nil || dateErr != nil || now.Sub(modified) < settled {
		return validators{}
	}
	return v
}

func newPage(u *url.URL, files remote.Files, c *Config, dir string) (asker, error) {
	scheme := Scheme + u.Scheme + "://"
	unwanted := c.unwanted(scheme, map[string]bool{"format": true, "rows": true, "insecure_plain_http": u.Scheme == schemeHTTP})
	if err := errors.Join(unwanted, wrongPage(u, &files, c)); err != nil {
		return nil, err
	}
	p := &page{address: u.String(), host: u.Hostname(), tls: u.Scheme == schemeHTTPS, files: files, form: c.form(), bytes: memory{dir: dir}}
	p.shown = ops.Printable(u.Scheme + "://" + u.Host + u.EscapedPath())
	return p, nil
}

// wrongPage tells what of the address cannot be asked.
func wrongPage(u *url.URL, files *remote.Files, c *Config) error {
	switch {
	case u.Host == "" || u.Hostname() == "":
		return fault("from names no host")
	case u.User != nil:
		return fault("from has a user in it; put USER:PASSWORD, or a token, into a file of mode 0600 and name it by credentials")
	case strings.Contains(u.String(), "#"):
		return fault("from has a # in it, and what is behind it is never sent; leave it out")
	case u.Scheme == schemeHTTP && !c.InsecurePlainHTTP && !loopback(u.Hostname()):
		return fault("from asks another machine without encryption, and who is between can publish what he likes; use poll+https://, or allow it with poll.insecure_plain_http = true")
	case u.Scheme == schemeHTTP && files.Credentials != "" && !loopback(u.Hostname()):
		return fault("credentials would go to another machine without encryption; use poll+https://, or ask it without")
	case u.Scheme == schemeHTTP && (files.CA != "" || files.Certificate != ""):
		return fault("ca, certificate and key are for poll+https:// only")
	}
	return nil
}

// form is how answers are read.
func (c *Config) form() tabular.Options {
	return tabular.Options{Form: tabular.Form(c.Format), Path: c.path(), Limit: int64(c.MaxBytes)}
}

// loopback reports whether nothing leaves this machine on the way to the host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// ask makes one request, over a connection of its own.
func (p *page) ask(ctx context.Context, take func([]tabular.Cell) error) (same bool, err error) {
	p.last = p.known
	p.bytes.asked()
	request, err := p.request(ctx)
	if err != nil {
		return false, err
	}
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeaders, DialContext: (&net.Dialer{}).DialContext}
	if p.tls {
		if transport.TLSClientConfig, err = p.files.TLS(p.host); err != nil {
			return false, err
		}
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		return false, unavailable(bare(err), "%s does not answer", p.shown)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read as far as it was wanted
	if answer.StatusCode == http.StatusNotModified && p.known != (validators{}) {
		return true, nil
	}
	if err := p.refuse(answer); err != nil {
		return false, err
	}
	p.last = validatorsOf(answer.Header)
	same, err = p.bytes.read(answer.Body, p.form, take)
	if err != nil && fedmsg.CodeOf(err) == fedmsg.CodeInternal { // of the connection
		err = unavailable(bare(err), "%s: the answer broke off", p.shown)
	}
	return same, err
}

// remember says that the rows of the last answer are kept.
func (p *page) remember() {
	p.known = p.last
	p.bytes.remember()
}

// forget has the next answer be sent and read whatever it is.
func (p *page) forget() {
	p.known = validators{}
	p.bytes.forget()
}

func (p *page) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address, nil)
	if err != nil {
		return nil, fault("from is no address that can be asked")
	}
	secret, err := p.files.Secret()
	if err != nil {
		return nil, err
	}
	if user, password, isLogin := strings.Cut(secret, ":"); isLogin {
		r.SetBasicAuth(user, password)
	} else if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", accepts(p.form.Form))
	if p.known.etag != "" {
		r.Header.Set("If-None-Match", p.known.etag)
	}
	if p.known.modified != "" {
		r.Header.Set("If-Modified-Since", p.known.modified)
	}
	return r, nil
}

func accepts(f tabular.Form) string {
	switch f {
	case tabular.CSV:
		return "text/csv, */*;q=0.1"
	case tabular.TSV:
		return "text/tab-separated-values, */*;q=0.1"
	case tabular.NDJSON:
		return "application/x-ndjson, */*;q=0.1"
	}
	return "application/json, */*;q=0.1"
}

// refuse says what is wrong with the head of an answer.
func (p *page) refuse(answer *http.Response) error {
	status := answer.StatusCode
	switch {
	case status >= 300 && status < 400:
		to := "elsewhere"
		if u, err := answer.Location(); err == nil {
			to = "to " + ops.Printable(u.Scheme+"://"+u.Host+u.EscapedPath())
		}
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s answers %d and sends %s; redirects are not followed: write the address that is meant", p.shown, status, to)
	case status != http.StatusOK:
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s answers %d %s", p.shown, status, http.StatusText(status))
	}
	// Without a length, and not in chunks, the end of the connection is the end of the answer, wherever it is.
	endless := answer.ContentLength < 0 && len(answer.TransferEncoding) == 0 && !answer.Uncompressed && answer.ProtoMajor < 2
	if endless && p.form.Form != tabular.JSON {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s answers without saying how long the answer is, so that one in %s which was cut off could not be told; have it send Content-Length", p.shown, p.form.Form)
	}
	return nil
}

// bare is an error of net/http without the address, whose query may have a secret in it.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return errors.New("it took longer than poll.timeout")
		}
		return e.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("it took longer than poll.timeout")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it is shorter than it was to be: %w", err)
	}
	return err
}
