package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/oldconfig"
	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

func (p *program) configImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import DIR...",
		Short: "Make a configuration of that of the old bus, /etc/fedmsg.d",
		Long: `Make a configuration of that of the old bus: of each DIR the files *.py in the order of their names, or single files,
of which a later one wins. They are programs in Python, of which as much is understood as configurations need; Python is never
run, and nothing is opened but these files.

Each value in the result says from where it comes, and at its end stands what has no place in it and why. What you have to look
at is told on standard error, with file and line. The result is checked; "fedmsg config check" does so again when you have changed
it. See docs/migrate.md.`,
		Example: `  fedmsg config import /etc/fedmsg.d --output /etc/fedmsg/fedmsg.toml
  fedmsg config import /etc/fedmsg.d /etc/fedmsg-config.py
  fedmsg config import --host relay01.example.org ./fedmsg.d`,
		Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	f := cmd.Flags()
	output := f.String("output", "", "the file to write, which must not exist (default standard output)")
	host := f.String("host", "", "the machine for which the old files are read, as its programs know its name (default this one)")
	_ = cmd.MarkFlagFilename("output", "toml") // it is there
	_ = cmd.RegisterFlagCompletionFunc("host", cobra.NoFileCompletions)
	cmd.RunE = func(cmd *cobra.Command, places []string) error {
		if cmd.Flags().Changed("config") {
			return fedmsg.Errorf(fedmsg.CodeUsage, "import reads no configuration but the old one; the file that it writes is --output")
		}
		names, err := machineNames(*host)
		if err != nil {
			return err
		}
		old, err := oldconfig.Read(cmd.Context(), places, pyconf.Host{Name: names[0], User: p.getenv("USER"), Getenv: p.getenv, Exists: isThere})
		if err != nil {
			return err
		}
		result := oldconfig.Convert(old, oldconfig.Machine{Names: names, Stat: fileMode})
		if err := p.writeImported(*output, result.TOML); err != nil {
			return err
		}
		p.warn(result.Warnings)
		p.note("fedmsg: the old configuration has %d keys; what has no place in the result (%d) stands at its end, with the reason", result.Keys, result.Without)
		return checkImported(*output, result.TOML)
	}
	return cmd
}

// machineNames gives what a machine is called, its host name first: that one, or this machine with its addresses.
func machineNames(host string) ([]string, error) {
	var addresses []string
	if host == "" {
		var err error
		if host, err = os.Hostname(); err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot tell the name of this machine; give it by --host")
		}
		all, err := net.InterfaceAddrs()
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot tell the addresses of this machine; give its name by --host")
		}
		for _, a := range all {
			if ip, ok := a.(*net.IPNet); ok {
				addresses = append(addresses, ip.IP.String())
			}
		}
	}
	short, _, _ := strings.Cut(host, ".")
	return append([]string{host, short}, addresses...), nil
}

// writeImported writes the result to the file, which must be a new one, or to standard output.
func (p *program) writeImported(output, text string) error {
	if output == "" {
		_, err := p.stdout.Write([]byte(text))
		return err
	}
	f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "%s is there already; move it away, or give another name by --output", output)
	}
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write %s", output)
	}
	return nil
}

// checkImported reads the result back as a node would, without what stands beside it and in the environment.
func checkImported(output, text string) error {
	dir, err := os.MkdirTemp("", "fedmsg-import-")
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make a directory to check the result in")
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is harmless
	file := filepath.Join(dir, "fedmsg.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot check the result")
	}
	if _, err = config.Load(config.Source{File: file, UID: os.Getuid()}); err == nil {
		return nil
	}
	shown := output
	if shown == "" {
		shown = "the result"
	}
	return fedmsg.Errorf(fedmsg.CodeConfig, "the result is no configuration yet; mend what the old one cannot have meant:\n%s",
		strings.ReplaceAll(strings.TrimPrefix(err.Error(), "fedmsg: "), file, shown))
}

// isThere reports whether there is a file.
func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// fileMode gives the kind and permissions of a file.
func fileMode(path string) (fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}
