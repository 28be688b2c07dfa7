package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/nearest"
)

// wordsHint is the annotation of a verb that says where words belong that stand where none is taken.
const wordsHint = "words"

// flagError says what is wrong with a flag, and the nearest right one. Where a verb must come first, a word that is none
// is the fault, whatever flag stands behind it.
func flagError(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); onlyVerbs(cmd) && len(words) > 0 {
		return unknownVerb(cmd, words[0])
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok && e.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, "--"+f.Name)
			}
		})
		return usageError(cmd, err.Error(), nearest.Word("--"+e.GetSpecifiedName(), names))
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		takes := map[string]string{"int": "a whole number", "duration": "a time as in 500ms, 30s or 5m", "bool": "true or false"}
		if what := takes[e.GetFlag().Value.Type()]; what != "" {
			return usageError(cmd, fmt.Sprintf("--%s takes %s, not %q", e.GetFlag().Name, what, e.GetValue()), "")
		}
	}
	return usageError(cmd, err.Error(), "")
}

// wordsError says what is wrong with the words of a command line, for which the check of a verb gave err.
func wordsError(cmd *cobra.Command, words []string, check cobra.PositionalArgs, err error) error {
	switch {
	case len(words) == 0:
		_, operand, _ := strings.Cut(cmd.Use, " ")
		return usageError(cmd, operand+" is missing", "")
	case onlyVerbs(cmd):
		return unknownVerb(cmd, words[0])
	case len(cmd.ValidArgs) > 0 && len(words) == 1:
		return usageError(cmd, err.Error(), nearest.Word(words[0], cmd.ValidArgs))
	}
	if operands := strings.Fields(cmd.Use)[1:]; len(words) < len(operands) && check(cmd, append(slices.Clone(words), "")) == nil {
		return usageError(cmd, operands[len(words)]+" is missing", "")
	}
	text := fmt.Sprintf("%q is one word too many", words[len(words)-1])
	if hint := cmd.Annotations[wordsHint]; hint != "" {
		text += "; " + hint
	}
	return usageError(cmd, text, "")
}

// onlyVerbs reports whether a word behind cmd must be a verb, and no operand.
func onlyVerbs(cmd *cobra.Command) bool {
	return cmd.HasSubCommands() && len(strings.Fields(cmd.Use)) == 1
}

// unknownVerb says that there is no such verb, and the nearest one.
func unknownVerb(cmd *cobra.Command, word string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return usageError(cmd, "there is no command "+word, nearest.Word(word, names))
}

// usageError is the error of a wrong command line, with what was probably meant.
func usageError(cmd *cobra.Command, text, meant string) error {
	if meant != "" {
		return fedmsg.Errorf(fedmsg.CodeUsage, "%s; did you mean %s? See %s --help", text, meant, cmd.CommandPath())
	}
	return fedmsg.Errorf(fedmsg.CodeUsage, "%s; see %s --help", text, cmd.CommandPath())
}

// choices completes the values of a flag.
func choices(cmd *cobra.Command, flag string, values ...string) {
	// The error is that there is no such flag, which every script would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
