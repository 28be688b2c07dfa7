package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
)

// formatFlag adds --format to a verb that prints for people, in the form plain, or JSON.
func formatFlag(cmd *cobra.Command, plain string) *string {
	format := cmd.Flags().String("format", plain, plain+" or json")
	choices(cmd, "format", plain, "json")
	return format
}

// checkFormat refuses a --format that is neither.
func checkFormat(format, plain string) error {
	if format == plain || format == "json" {
		return nil
	}
	return fedmsg.Errorf(fedmsg.CodeUsage, "--format is %s or json, not %q", plain, format)
}

// printJSON prints a value over several lines.
func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
