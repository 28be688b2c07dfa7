package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandText is what the help of a verb says, for programs: the manual pages of the packages are made of it. So what makes
// them is no part of this program.
type commandText struct {
	Use      string        `json:"use"`
	Short    string        `json:"short"`
	Long     string        `json:"long,omitempty"`
	Example  string        `json:"example,omitempty"`
	Hidden   bool          `json:"hidden,omitempty"` // an old name, or a verb that is for programs
	Flags    []flagText    `json:"flags,omitempty"`
	Commands []commandText `json:"commands,omitempty"`
}

// flagText is a flag of a verb and, if inherited, of the verbs below it.
type flagText struct {
	Name      string `json:"name"`
	Shorthand string `json:"shorthand,omitempty"`
	Type      string `json:"type"`
	Default   string `json:"default"`
	Bare      string `json:"bare,omitempty"` // the value of the flag where none is given; empty: one must be
	Usage     string `json:"usage"`
	Inherited bool   `json:"inherited,omitempty"`
}

// commandsCommand is `fedmsg commands`, which tells of all verbs.
func (p *program) commandsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "commands",
		Short:   "Write every verb with its flags, for programs, as JSON",
		Example: `  fedmsg commands | jq -r '.commands[] | select(.hidden | not).use'`,
		Args:    cobra.NoArgs,
		Hidden:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			enc := json.NewEncoder(p.stdout)
			enc.SetEscapeHTML(false)
			return enc.Encode(textOf(cmd.Root()))
		},
	}
}

// textOf tells of a verb and those below it.
func textOf(cmd *cobra.Command) commandText {
	c := commandText{Use: cmd.Use, Short: cmd.Short, Long: cmd.Long, Example: cmd.Example, Hidden: cmd.Hidden}
	cmd.InitDefaultHelpFlag()
	for _, inherited := range []bool{false, true} {
		flags := cmd.LocalNonPersistentFlags()
		if inherited {
			flags = cmd.PersistentFlags()
		}
		flags.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				c.Flags = append(c.Flags, flagText{
					Name: f.Name, Shorthand: f.Shorthand, Type: f.Value.Type(), Default: f.DefValue, Bare: f.NoOptDefVal,
					Usage: f.Usage, Inherited: inherited,
				})
			}
		})
	}
	for _, sub := range cmd.Commands() {
		c.Commands = append(c.Commands, textOf(sub))
	}
	return c
}
