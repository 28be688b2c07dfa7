package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// openTrust opens what a trust file names, or where there is none what the node of this machine trusts: its configuration, and
// its own keys so far as this user may read them.
func (p *program) openTrust(cmd *cobra.Command, path string) (*trust.Store, error) {
	c, err := p.trustConfig(cmd, path)
	if err != nil {
		return nil, err
	}
	c.Archived = true
	return trust.Open(c)
}

func (p *program) trustConfig(cmd *cobra.Command, path string) (trust.Config, error) {
	if path != "" {
		if _, err := os.Stat(path); err != nil {
			return trust.Config{}, fedmsg.WrapError(fedmsg.CodeUsage, err, "--trust")
		}
		f, err := config.ReadTrust(path)
		return trust.Config{File: f, Where: filepath.Base(path), Settings: trust.DefaultSettings(), Every: -1}, err
	}
	l, err := p.loadConfig(cmd, settingFlags{"state": "state"})
	if err != nil {
		return trust.Config{}, err
	}
	p.warn(l.Warnings)
	cfg := &l.Config
	host, _ := os.Hostname() // without one the node would not start either
	signing := cfg.SigningSettings(host)
	c := configured(cfg)
	c.OwnName, c.OwnTopics = signing.Name, signing.Topics
	own := p.ownKeys(cfg)
	c.Own = func() []keys.Public { return own }
	return c, nil
}

// configured is what the configuration and the trust file that it names say, without the node's own keys.
func configured(cfg *config.Config) trust.Config {
	return trust.Config{
		File: trust.File{Trust: cfg.Trust, Policy: cfg.Policy}, Path: cfg.TrustFile, Read: config.ReadTrust, Settings: cfg.Verification,
		Every: -1,
	}
}

// ownKeys gives the public halves of the keys that the node signs or signed with, so far as this user may read them.
func (p *program) ownKeys(cfg *config.Config) (own []keys.Public) {
	paths, err := sign.KeyFiles(daemon.KeysDir(cfg.State))
	if cfg.Signing.Key != "" {
		paths = append(paths, cfg.Signing.Key)
	}
	for _, path := range paths {
		k, fault := keys.ReadPrivate(path)
		if fault != nil {
			err = errors.Join(err, fault)
			continue
		}
		own = append(own, k.Public())
	}
	if err != nil {
		p.note("fedmsg: what this node signed itself may be called unknown_signer: %s", err)
	}
	return own
}

// ownKey is the file of the key that the node of this machine signs with.
func (p *program) ownKey(cmd *cobra.Command) (string, error) {
	l, err := p.loadConfig(cmd, settingFlags{"state": "state"})
	if err != nil {
		return "", err
	}
	p.warn(l.Warnings)
	path, dir := l.Config.Signing.Key, daemon.KeysDir(l.Config.State)
	if path == "" {
		paths, err := sign.KeyFiles(dir)
		switch {
		case err != nil:
			return "", err
		case len(paths) == 0:
			return "", fedmsg.Errorf(fedmsg.CodeUsage, "--key is missing, and the node has no key in %s; make one with fedmsg keys new", dir)
		}
		path = paths[0]
	}
	p.note("%s: signing with the node's own key %s", cmd.CommandPath(), path)
	return path, nil
}
