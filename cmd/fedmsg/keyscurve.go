package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// keysCurve is `fedmsg keys curve`.
func (p *program) keysCurve() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "curve --out FILE",
		Short: "Make CURVE keys, by which ZeroMQ lets a client in and encrypts",
		Long: `Make a pair of CURVE keys for a client of ZeroMQ endpoints with curve=yes and print the public one, which goes into a
[[zeromq_client]] of the node. FILE has both, in the form that ZeroMQ's own tools read, and is for the client alone. The node
makes its own pair by itself; fedmsg keys show prints the public one, which clients need as the server's key.`,
		Example: `  fedmsg keys curve --out builder.key_secret`,
		Args:    cobra.NoArgs,
	}
	out := cmd.Flags().String("out", "", "file to make")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *out == "" {
			return usageError(cmd, "--out FILE is missing", "")
		}
		if _, err := os.Lstat(*out); !errors.Is(err, fs.ErrNotExist) {
			return fedmsg.Errorf(fedmsg.CodeCannotMake, "there is a file %s already, and keys in it would be lost; choose another name", *out)
		}
		pair := zmtp.NewCurvePair()
		if err := daemon.WriteCurve(*out, pair); err != nil {
			return err
		}
		p.note("made the CURVE keys %s; give nobody that file, and to the node's administrator what stands on standard output", *out)
		if _, err := fmt.Fprintln(p.stdout, pair.Public); err != nil {
			return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot print the key")
		}
		return nil
	}
	return cmd
}

// curveClient is the client that has the keys of a file, for servers whose own keys are known otherwise.
func curveClient(path string) (zmtp.Security, error) {
	pair, err := daemon.ReadCurve(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "there is no file %s with CURVE keys; make one with fedmsg keys curve", path)
	}
	return zmtp.CurveClient{Keys: pair}, err
}
