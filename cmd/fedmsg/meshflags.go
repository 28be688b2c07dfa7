package main

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/mesh"
)

// meshFlags are the flags of verbs that listen to the mesh instead of a node.
type meshFlags struct {
	sources []string // empty: they ask a node
	trust   string
	verify  string
	curve   string // file
}

func (o *meshFlags) register(cmd *cobra.Command, f *pflag.FlagSet) {
	f.StringArrayVar(&o.sources, "mesh", nil, "listen to publishers themselves, not to a node: an endpoints file, srv:DOMAIN, or tcp://HOST:PORT; may be repeated")
	f.StringVar(&o.trust, "trust", "", "with --mesh: trust file to use instead of the configuration")
	f.StringVar(&o.curve, "curve", "", "with --mesh: file of CURVE keys, see fedmsg keys curve, for publishers that let in only whom they know (default: new ones)")
	f.StringVar(&o.verify, "verify", string(fedmsg.VerifyIfSigned), "with --mesh: require (pass over what nobody signed), if-signed, or insecure-off (look at no signature)")
	choices(cmd, "verify", string(fedmsg.VerifyRequire), string(fedmsg.VerifyIfSigned), string(fedmsg.VerifyInsecureOff))
}

// check refuses flags that say something about a node beside --mesh, and those of the mesh without it.
func (o *meshFlags) check(cmd *cobra.Command, ofNode ...string) error {
	others, why := []string{"trust", "verify", "curve"}, "goes with --mesh: what comes from a node the node has verified"
	if len(o.sources) > 0 {
		others, why = ofNode, "is about a node, and --mesh asks none"
	}
	for _, name := range others {
		if cmd.Flags().Changed(name) {
			return fedmsg.Errorf(fedmsg.CodeUsage, "--%s %s", name, why)
		}
	}
	return nil
}

// meshSources adds what the words name to the options: files, domains and single publishers.
func meshSources(o *mesh.SubscribeOptions, words []string) error {
	for _, w := range words {
		scheme, rest, isURI := strings.Cut(w, "://")
		domain, isDomain := strings.CutPrefix(w, "srv:")
		switch {
		case isDomain:
			o.Domains = append(o.Domains, domain)
		case isURI && (scheme == "tcp" || scheme == "ipc"):
			o.Services = append(o.Services, mesh.Service{Name: w, Addresses: []string{w}})
		case isURI && scheme != "file":
			return fedmsg.Errorf(fedmsg.CodeUsage, "--mesh %q is neither an endpoints file nor srv:DOMAIN, tcp://HOST:PORT or ipc:///PATH", w)
		case o.File != "":
			return fedmsg.Errorf(fedmsg.CodeUsage, "--mesh takes one endpoints file; there are %s and %s", o.File, w)
		case isURI:
			o.File = filePath(rest)
		default:
			o.File = w
		}
	}
	if o.File != "" {
		if _, err := os.Stat(o.File); errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(filepath.Dir(o.File)); err != nil {
				return fedmsg.WrapError(fedmsg.CodeUsage, err, "--mesh %s", o.File)
			}
		}
	}
	return nil
}

// filePath is the path of a file:// URI.
func filePath(path string) string {
	if p, err := url.PathUnescape(path); err == nil {
		return p
	}
	return path
}
