package fedmsg_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestFullTopicVectors holds that a short topic gets what the old system gave it.
func TestFullTopicVectors(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(fedmsgtest.Shared(t, "interop/vectors"), "v*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d vectors: %v", len(names), err)
	}
	for _, name := range names {
		var v struct {
			Publish  struct{ Topic, Modname, Prefix, Environment string }
			Unsigned struct{ Text []string } `json:"unsigned_frames"`
		}
		var prefix struct {
			Publish struct {
				Prefix string `json:"topic_prefix"`
			}
		}
		data, err := os.ReadFile(name)
		if err := errors.Join(err, json.Unmarshal(data, &v), json.Unmarshal(data, &prefix)); err != nil {
			t.Fatal(err)
		}
		p := v.Publish
		if got := fedmsg.FullTopic(prefix.Publish.Prefix, p.Environment, p.Modname, p.Topic); got != v.Unsigned.Text[0] {
			t.Errorf("%s: %s, want %s", name, got, v.Unsigned.Text[0])
		}
	}
}
