package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	srvPrefix = "_fedmsg._tcp."
	// srvTimeout bounds one question to one name server.
	srvTimeout = 2 * time.Second
	// longestTTL bounds for how long an answer holds, whatever it says.
	longestTTL = 5 * time.Minute
	// longestRetry bounds the wait before a name server is asked again that did not answer.
	longestRetry = 30 * time.Second
	// maxRecords bounds the records of one answer.
	maxRecords = 1024
	// udpSize is what fits into a datagram everywhere.
	udpSize = 1232
)

// resolver asks name servers for the publishers of a domain.
type resolver struct {
	servers []string // HOST:PORT; empty: those of the system, read each time
}

// newResolver makes a resolver that asks one server, or those of the system.
func newResolver(server string) *resolver {
	if server == "" {
		return &resolver{}
	}
	return &resolver{servers: []string{server}}
}

// publishers gives the addresses of a domain's publishers, sorted, and how long that holds; 0: the answer does not say. That there
// is none is an answer.
// An error says that nobody knows at this moment.
func (r *resolver) publishers(ctx context.Context, domain string) ([]string, time.Duration, error) {
	servers := r.servers
	if servers == nil {
		config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, 0, err
		}
		for _, s := range config.Servers {
			servers = append(servers, net.JoinHostPort(s, config.Port))
		}
	}
	if len(servers) == 0 {
		return nil, 0, errors.New("the system has no name server")
	}
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(srvPrefix+domain), dns.TypeSRV)
	m.SetEdns0(udpSize, false)
	var faults []error
	for _, server := range servers {
		answer, err := exchange(ctx, m, server)
		if err == nil {
			return addressesOf(answer)
		}
		faults = append(faults, fmt.Errorf("the name server %s: %w", server, err))
	}
	return nil, 0, errors.Join(faults...)
}

// exchange asks one server: by datagram, and by TCP where the answer does not fit.
func exchange(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*srvTimeout)
	defer cancel()
	answer, _, err := (&dns.Client{Timeout: srvTimeout, UDPSize: udpSize}).ExchangeContext(ctx, m, server)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp", Timeout: srvTimeout}).ExchangeContext(ctx, m, server)
	}
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, errors.New("it answered " + dns.RcodeToString[answer.Rcode])
	}
	return answer, nil
}

// addressesOf reads the records. Priority and weight do not count: each record is another publisher.
func addressesOf(answer *dns.Msg) ([]string, time.Duration, error) {
	var addresses []string
	ttl, said := uint32(longestTTL/time.Second), false
	for _, rr := range answer.Answer {
		ttl, said = min(ttl, rr.Header().Ttl), true
		srv, ok := rr.(*dns.SRV)
		if !ok || srv.Target == "." || srv.Port == 0 || len(addresses) >= maxRecords {
			continue
		}
		host := strings.TrimSuffix(srv.Target, ".")
		addresses = append(addresses, "tcp://"+net.JoinHostPort(host, strconv.Itoa(int(srv.Port))))
	}
	for _, rr := range answer.Ns { // for how long there is nothing
		if soa, ok := rr.(*dns.SOA); ok && !said {
			ttl, said = min(ttl, soa.Hdr.Ttl, soa.Minttl), true
		}
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	if !said {
		return addresses, 0, nil
	}
	return addresses, max(time.Duration(ttl)*time.Second, 1), nil
}
