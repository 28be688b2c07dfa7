package daemon

import (
	"log/slog"

	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/sign"
)

// warnOfLostKeys tells the operator before a key is made beside a log that has entries, as after a restore without the keys:
// the node goes on with the new key, and what it signed with the old one verifies no more.
func warnOfLostKeys(c *config.Config, last uint64, log *slog.Logger) {
	dir := KeysDir(c.State)
	files, err := sign.KeyFiles(dir)
	if err != nil || len(files) > 0 || last == 0 || c.Signing.Key != "" {
		return
	}
	log.Warn("the log has entries, and no key is there: what this node signed before will not verify; put its old keys back into the directory, or their public halves into a [[trust]]",
		"directory", dir)
}
