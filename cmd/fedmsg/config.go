package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// configCommand is `fedmsg config`: what a node would be configured to do.
func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show, check or import the configuration",
		Long: `Show or check what serve would read: the file, conf.d/*.toml beside it, and FEDMSG_* variables, where a later one wins.
No node is asked. Check also reads trust_file and the files that [[trust]] names.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	configFlag(cmd.PersistentFlags())
	cmd.AddCommand(p.configShow(), p.configCheck(), p.configExample(), p.configImport())
	return cmd
}

func (p *program) configShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show every key, its value, and where it comes from",
		Example: `  fedmsg config show
  FEDMSG_ENVIRONMENT=prod fedmsg config show
  fedmsg config show --format json | jq -r '.[] | select(.origin != "default") | .key'`,
		Args: cobra.NoArgs,
	}
	format := cmd.Flags().String("format", "toml", "toml (which can be read back as a configuration) or json")
	choices(cmd, "format", "toml", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		write := (*config.Loaded).WriteTOML
		switch *format {
		case "toml":
		case "json":
			write = (*config.Loaded).WriteJSON
		default:
			return fedmsg.Errorf(fedmsg.CodeUsage, "--format is toml or json, not %q", *format)
		}
		l, err := p.loadConfig(cmd, nil)
		if err != nil {
			return err
		}
		p.warn(l.Warnings)
		return write(l, p.stdout)
	}
	return cmd
}

func (p *program) configCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Say everything that is wrong in the configuration; exit status 78 if anything is",
		Example: `  fedmsg config check
  fedmsg config check --config ./fedmsg.toml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := p.loadConfig(cmd, nil)
			if l != nil {
				p.warn(l.Warnings)
			}
			if err != nil {
				return err
			}
			store, err := trust.Open(configured(&l.Config))
			if err != nil {
				return err
			}
			host, _ := os.Hostname() // without one the node would not start either
			p.warn(l.Config.UnknownSigners(append(store.Roots(), l.Config.SigningSettings(host).Name)))
			files := "no file is read"
			if len(l.Files) > 0 {
				files = "read " + strings.Join(l.Files, ", ")
			}
			_, err = fmt.Fprintf(p.stdout, "the configuration is right; %s\n", files)
			return err
		},
	}
}

func (p *program) configExample() *cobra.Command {
	return &cobra.Command{
		Use:     "example",
		Short:   "Write a configuration file with every key, its meaning and its default",
		Example: `  fedmsg config example > fedmsg.toml`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return config.WriteExample(p.stdout)
		},
	}
}

// warn tells the user what is odd but no fault.
func (p *program) warn(warnings []string) {
	for _, w := range warnings {
		p.note("fedmsg: %s", w)
	}
}

// complain tells the user the error that ended a command, on one line; each fault of the configuration has its own.
func (p *program) complain(command string, err error) {
	first, faults, many := strings.Cut(err.Error(), "\n")
	if code := fedmsg.CodeOf(err); !many || code != fedmsg.CodeConfig && code != fedmsg.CodeUsage {
		p.note("%s: %s", command, err)
		return
	}
	p.note("%s: %s", command, first)
	for line := range strings.SplitSeq(faults, "\n") {
		p.note("%s", line)
	}
}
