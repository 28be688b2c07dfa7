package spool

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestRefusedSignatureStandsInNobodysWay has the first of two messages refused for its signature: it is moved away with the
// reason and the second delivered, except where an administrator has to renew something before anything can be judged.
func TestRefusedSignatureStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code fedmsg.Code
		kept bool
	}{
		{fedmsg.CodeUnsigned, false}, {fedmsg.CodeMalformedSignature, false}, {fedmsg.CodeBadSignature, false},
		{fedmsg.CodeUnknownSigner, false}, {fedmsg.CodeWrongTopic, false}, {fedmsg.CodeRevoked, false}, {fedmsg.CodeExpired, false},
		{fedmsg.CodeWeakSignature, false}, {fedmsg.CodeStale, false}, {fedmsg.CodeFromFuture, false},
		{fedmsg.CodeStaleCRL, true}, {fedmsg.CodeUnavailable, true},
	} {
		t.Run(string(c.code), func(t *testing.T) {
			t.Parallel()
			s := New(t.TempDir(), Options{})
			write(t, s, "first", "second")
			var got []string
			_, err := s.DrainOwn(t.Context(), single(func(_ context.Context, f File) error {
				if string(f.Envelope) == "first" {
					return fedmsg.Errorf(c.code, "not this one")
				}
				got = append(got, string(f.Envelope))
				return nil
			}))
			if c.kept {
				if fedmsg.CodeOf(err) != c.code || len(got) > 0 {
					t.Errorf("delivered %q with %v; it has to wait for the first", got, err)
				}
				wantPending(t, s, true)
				return
			}
			if err != nil || !slices.Equal(got, []string{"second"}) {
				t.Errorf("delivered %q: %v", got, err)
			}
			reasons, _ := filepath.Glob(filepath.Join(s.Dir(), "rejected", "*.reason"))
			if len(reasons) != 1 {
				t.Fatalf("%d messages were moved away", len(reasons))
			}
			if text, err := os.ReadFile(reasons[0]); err != nil || !strings.HasPrefix(string(text), string(c.code)+": ") {
				t.Errorf("the reason is %q: %v", text, err)
			}
		})
	}
}

// TestRedactedIsRemoved has the first of two messages refused as redacted: nothing of it is kept, and the second is delivered.
func TestRedactedIsRemoved(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir(), Options{})
	write(t, s, "first", "second")
	sum, err := s.DrainOwn(t.Context(), func(_ context.Context, files []File) []error {
		if string(files[0].Envelope) == "first" {
			return []error{fedmsg.Errorf(fedmsg.CodeRedacted, "it was redacted")}
		}
		return []error{nil}
	})
	if err != nil || sum != (Summary{Delivered: 1, Rejected: 1, Empty: true}) {
		t.Errorf("%+v, %v", sum, err)
	}
	wantPending(t, s, false)
	if left, err := filepath.Glob(filepath.Join(s.Dir(), "rejected", "*")); err != nil || len(left) > 0 {
		t.Errorf("kept %q: %v", left, err)
	}
}
