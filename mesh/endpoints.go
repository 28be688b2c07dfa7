package mesh

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// maxEndpoints bounds an endpoints file, in bytes.
const maxEndpoints = 4 << 20

// ParseEndpoints reads an endpoints file, the list of publishers that a site shares. Each line is one service:
//
//	NAME URI… [replay=URI] [key=Z85]
//
// and a word that begins with # begins a comment. A line that makes no sense is passed over and told of among the faults, so that one slip hides
// nobody else. Two lines of one name are one service with the addresses of both.
func ParseEndpoints(text []byte) (services []Service, faults []error) {
	if len(text) > maxEndpoints {
		return nil, []error{fedmsg.Errorf(fedmsg.CodeConfig, "the endpoints file has %d bytes; more than %d are not read", len(text), maxEndpoints)}
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxEndpoints+1)
	byName := make(map[string]int)
	for n := 1; lines.Scan(); n++ {
		words := words(lines.Text())
		if len(words) == 0 {
			continue
		}
		s, err := parseService(words)
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		if i, again := byName[s.Name]; again {
			services[i] = services[i].with(s)
			continue
		}
		byName[s.Name] = len(services)
		services = append(services, s)
	}
	return services, faults
}

// words gives the words of a line without its comment. A # within a word is part of it, as of many a key.
func words(line string) []string {
	all := strings.Fields(line)
	for i, word := range all {
		if word[0] == '#' {
			return all[:i]
		}
	}
	return all
}

// parseService reads the words of one line.
func parseService(words []string) (Service, error) {
	s := Service{Name: words[0]}
	for _, word := range words[1:] {
		if replay, ok := strings.CutPrefix(word, "replay="); ok {
			s.Replay = replay
			continue
		}
		if text, ok := strings.CutPrefix(word, "key="); ok {
			key, err := zmtp.ParseCurveKey(text)
			if err != nil {
				return s, fedmsg.WrapError(fedmsg.CodeConfig, err, "the key of %s is not 40 characters of Z85", clip(s.Name))
			}
			s.ServerKey = &key
			continue
		}
		s.Addresses = append(s.Addresses, word)
	}
	return s, s.check()
}

// String is the service as it stands in an endpoints file, without the end of the line.
func (s Service) String() string {
	words := append([]string{s.Name}, s.Addresses...)
	if s.Replay != "" {
		words = append(words, "replay="+s.Replay)
	}
	if s.ServerKey != nil {
		words = append(words, "key="+s.ServerKey.String())
	}
	return strings.Join(words, " ")
}

// check tells what is wrong with a service that stands in a file.
func (s *Service) check() error {
	if err := checkName(s.Name); err != nil {
		return err
	}
	return s.checkAddresses()
}

// checkNamed tells what is wrong with a service that stands in no file. Nobody needs to have named it.
func (s *Service) checkNamed() error {
	if slices.Contains(s.Addresses, s.Name) {
		return s.checkAddresses()
	}
	return s.check()
}

// checkAddresses tells what is wrong with where a service is.
func (s *Service) checkAddresses() error {
	if len(s.Addresses) == 0 {
		return fedmsg.Errorf(fedmsg.CodeConfig, "the service %s has no address; write tcp://HOST:PORT behind its name", s.Name)
	}
	for _, a := range s.Addresses {
		if err := checkAddress(s.Name, a); err != nil {
			return err
		}
	}
	if s.Replay != "" {
		return checkAddress(s.Name, s.Replay)
	}
	return nil
}

// checkName holds that a name can stand in a line of the file, and in a file name.
func checkName(name string) error {
	const longest = 200
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' || r == '=' || r == '/' }
	if name == "" || len(name) > longest || strings.ContainsFunc(name, bad) || strings.HasPrefix(name, ".") {
		return fedmsg.Errorf(fedmsg.CodeConfig, "%q is not the name of a service; write NAME.HOST, without spaces and / = #", clip(name))
	}
	return nil
}

// checkAddress holds that an address can be connected to.
func checkAddress(name, uri string) error {
	fault := func(why string) error {
		return fedmsg.Errorf(fedmsg.CodeConfig, "the address %q of %s %s", clip(uri), name, why)
	}
	if path, ok := strings.CutPrefix(uri, "ipc://"); ok {
		if path == "" {
			return fault("has no path; write ipc:///PATH")
		}
		return nil
	}
	hostPort, ok := strings.CutPrefix(uri, "tcp://")
	if !ok {
		return fault("begins neither with tcp:// nor with ipc://")
	}
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil || host == "" {
		return fault("is not tcp://HOST:PORT")
	}
	if host == "*" {
		return fault("names no host; * is for binding only")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fault("has no port between 1 and 65535")
	}
	return nil
}

// with is s with what another source knows of the same service.
func (s Service) with(more Service) Service {
	s.Addresses = append([]string(nil), s.Addresses...)
	seen := make(map[string]bool)
	for _, a := range s.Addresses {
		seen[a] = true
	}
	for _, a := range more.Addresses {
		if !seen[a] {
			s.Addresses = append(s.Addresses, a)
		}
	}
	if s.Replay == "" {
		s.Replay = more.Replay
	}
	if s.ServerKey == nil {
		s.ServerKey = more.ServerKey
	}
	return s
}

// clip bounds what came from elsewhere, for a sentence.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
