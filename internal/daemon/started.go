package daemon

import (
	"os"
	"time"

	"github.com/federated-messaging/fedmsg/internal/config"
)

// Started is what a node was started with, as GET /v1/config shows it to the operator. Fields are only ever added.
type Started struct {
	Version  string           `json:"version"`
	PID      int              `json:"pid"`
	Since    time.Time        `json:"since"`
	Settings []config.Setting `json:"settings"` // every key; secrets are hidden
}

func newStarted(o *Options) Started {
	s := Started{Version: o.Version, PID: os.Getpid(), Since: time.Now().UTC(), Settings: o.Settings}
	if s.Settings == nil {
		s.Settings = []config.Setting{}
	}
	return s
}
