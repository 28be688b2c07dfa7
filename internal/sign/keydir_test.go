package sign

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/keys"
)

// TestKeyFiles lists the newest key first, and no other files.
func TestKeyFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	if got, err := KeyFiles(dir); err != nil || len(got) > 0 {
		t.Errorf("no directory: %q, %v", got, err)
	}
	var want []string
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 3 {
		k, err := keys.Generate(keys.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		path, err := NewKey(dir, k, now)
		if err != nil {
			t.Fatal(err)
		}
		want = append([]string{path}, want...)
		now = now.Add(-time.Hour) // the clock was set back
	}
	for _, name := range []string{"note", ".hidden.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := KeyFiles(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
