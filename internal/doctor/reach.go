package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// reach connects to every other side, and closes again: nothing is said there but what TLS says.
func (s *Subject) reach(ctx context.Context) []Finding {
	partners := s.partners()
	if len(partners) == 0 {
		return []Finding{ok("sinks, sources, zeromq.subscribe, archive.store", "no other side is configured to connect to")}
	}
	all := make([]Finding, len(partners))
	done := make(chan bool)
	for i, p := range partners {
		go func() {
			all[i] = s.dial(ctx, p)
			done <- true
		}()
	}
	for range partners {
		<-done
	}
	return all
}

// dial says whether the other side can be reached.
func (s *Subject) dial(ctx context.Context, p partner) Finding {
	looked := p.key + " (" + p.address + ")"
	if p.network == "" {
		return warning(looked, "it was not looked at: it is not known how to connect to what has this address", "try from this machine whether it answers, with a program of its kind")
	}
	conn, err := new(net.Dialer).DialContext(ctx, p.network, p.address)
	if err != nil {
		return warning(looked, "it cannot be reached: "+reason(err), "look whether the other side runs, the name of its host and the firewall between; from here: `nc -vz "+plainHost(p)+"`")
	}
	defer conn.Close()
	if !p.tls {
		return ok(looked, "it can be reached")
	}
	config, err := p.files.TLS(p.host)
	if err != nil {
		return failed(looked, err.Error(), "correct the files that "+p.key+" names by ca, certificate and key")
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return failed(looked, "it can be reached, and TLS fails: "+err.Error(), tlsCure(p, err))
	}
	end := secure.ConnectionState().PeerCertificates[0].NotAfter
	if f, soon := s.ends(looked, "its certificate", end, "tell the operator of the other side"); soon {
		return f
	}
	return ok(looked, "it can be reached over TLS; its certificate ends at %s", end.Format("2006-01-02"))
}

func plainHost(p partner) string {
	if p.network == "unix" {
		return "-U " + p.address
	}
	host, port, _ := net.SplitHostPort(p.address)
	return host + " " + port
}

// reason leaves the address out of an error of dialling, which stands beside it.
func reason(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the name %s is not known: %s", dns.Name, dns.Err)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if op.Timeout() {
			return "there is no answer in time"
		}
		return op.Err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "there is no answer in time"
	}
	return err.Error()
}

// tlsCure is what helps where a handshake fails.
func tlsCure(p partner, err error) string {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return "name the authority of its certificate by ca of " + p.key
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "its certificate is over, or one of the two clocks is wrong: tell the operator of the other side"
	}
	if _, wrong := errors.AsType[x509.HostnameError](err); wrong {
		return "write in the address a name that stands in its certificate"
	}
	return "see with `openssl s_client -connect " + p.address + "` what it says"
}
