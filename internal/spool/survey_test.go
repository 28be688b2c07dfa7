package spool

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSurvey counts what waits and what was refused, and says how full the spool is for the one with most in it.
func TestSurvey(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "spool"), Options{Files: 4})
	if v, err := s.Survey(); err != nil || v != (Survey{}) {
		t.Fatalf("of a spool that is not there: %+v, %v", v, err)
	}
	for range 3 {
		if err := s.Write([]byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"rejected/1.env", "rejected/1.env.reason", "rejected-2/1.env"} {
		path := filepath.Join(s.Dir(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v, err := s.Survey()
	if err != nil || v.Files != 3 || v.Rejected != 2 || v.Fullest != 0.75 || v.Oldest.IsZero() {
		t.Errorf("%+v, %v", v, err)
	}
}
