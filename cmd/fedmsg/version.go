package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
)

// buildVersion is what this program was made from.
type buildVersion struct {
	Version  string `json:"version"`            // of the module; (devel) for a build from a working tree
	Revision string `json:"revision,omitempty"` // of the commit
	Time     string `json:"time,omitempty"`     // of the commit
	Modified bool   `json:"modified"`           // the working tree had changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// readVersion asks what the Go tool has put into the binary.
func readVersion() buildVersion {
	v := buildVersion{Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String is the version on one line.
func (v buildVersion) String() string {
	s := "fedmsg " + v.Version
	if v.Revision != "" {
		s += " revision " + v.Revision[:min(12, len(v.Revision))]
	}
	if v.Time != "" {
		s += " of " + v.Time
	}
	if v.Modified {
		s += " with changes"
	}
	return s + " (" + v.Go + " " + v.Platform + ")"
}

// versionCommand is `fedmsg version`.
func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Example: `  fedmsg version
  fedmsg version --format json`,
		Args: cobra.NoArgs,
	}
	format := cmd.Flags().String("format", "text", "text or json")
	choices(cmd, "format", "text", "json")
	cmd.RunE = func(*cobra.Command, []string) error {
		v := readVersion()
		switch *format {
		case "text":
			_, err := fmt.Fprintln(p.stdout, v)
			return err
		case "json":
			return json.NewEncoder(p.stdout).Encode(v)
		}
		return fedmsg.Errorf(fedmsg.CodeUsage, "--format is text or json, not %q", *format)
	}
	return cmd
}
