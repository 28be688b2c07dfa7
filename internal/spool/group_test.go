package spool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

func numbered(count int) (all [][]byte) {
	for i := range count {
		all = append(all, []byte(strconv.Itoa(i)))
	}
	return all
}

// TestWriteAllKeepsOrderAndSyncsOnce writes some groups, and holds that the directory is synced once for each and not once
// for each file.
func TestWriteAllKeepsOrderAndSyncsOnce(t *testing.T) {
	s := New(t.TempDir(), Options{})
	steps := map[string]int{}
	s.fault = func(at string) error { steps[at]++; return nil }
	write(t, s, "before")
	all := numbered(2*groupFiles + 10)
	for i, err := range s.WriteAll(all) {
		if err != nil {
			t.Fatalf("envelope %d: %v", i, err)
		}
	}
	write(t, s, "after")
	if want := len(all) + 2; steps["sync"] != want || steps["renamed"] != want || steps["names"] != 5 {
		t.Errorf("steps %v", steps)
	}
	got := drained(t, s)
	if len(got) != len(all)+2 || got[0] != "before" || got[len(got)-1] != "after" {
		t.Fatalf("drained %d envelopes", len(got))
	}
	for i, e := range got[1 : len(got)-1] {
		if e != string(all[i]) {
			t.Fatalf("%s stands where %s should", e, all[i])
		}
	}
}

// TestWriteAllFailsAtEachStep lets one of several files fail at each of its operations: the others are kept, in order.
func TestWriteAllFailsAtEachStep(t *testing.T) {
	for _, step := range []string{"create", "write", "sync", "rename", "renamed", "names"} {
		t.Run(step, func(t *testing.T) {
			s := New(t.TempDir(), Options{})
			count := 0
			s.fault = func(at string) error {
				if at == step {
					if count++; count == 2 || at == "names" {
						return syscall.EIO
					}
				}
				return nil
			}
			var kept []string
			for i, err := range s.WriteAll(numbered(4)) {
				failed := i == 1 || step == "names"
				if (err != nil) != failed || failed && fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
					t.Errorf("envelope %d: %v", i, err)
				}
				if !failed || step == "renamed" || step == "names" { // it failed but it happened
					kept = append(kept, strconv.Itoa(i))
				}
			}
			s.fault = nil
			if names, _ := filepath.Glob(filepath.Join(s.Dir(), tempPrefix+"*")); len(names) > 0 {
				t.Errorf("left %q", names)
			}
			if got := drained(t, s); !slices.Equal(got, kept) {
				t.Errorf("drained %q, want %q", got, kept)
			}
		})
	}
}

func TestWriteAllHoldsBoundsInsideGroup(t *testing.T) {
	s := New(t.TempDir(), Options{Files: 3, Bytes: 10, FileBytes: 5})
	want := []fedmsg.Code{"", fedmsg.CodeTooLarge, "", fedmsg.CodeStorageFull, "", fedmsg.CodeStorageFull}
	errs := s.WriteAll([][]byte{[]byte("1111"), []byte("222222"), []byte("3333"), []byte("4444"), []byte("5"), []byte("6")})
	for i, err := range errs {
		if fedmsg.CodeOf(err) != want[i] {
			t.Errorf("envelope %d: %v, want %q", i+1, err, want[i])
		}
	}
	if got := drained(t, s); !slices.Equal(got, []string{"1111", "3333", "5"}) {
		t.Errorf("drained %q", got)
	}
}

// TestHostileNames has names and marks that no Write made: nothing is lost, nothing is sent twice, and what is written
// afterwards stands in order.
func TestHostileNames(t *testing.T) {
	uid := strconv.Itoa(os.Geteuid())
	dir := t.TempDir()
	s := New(dir, Options{})
	for _, name := range []string{
		".env", ".x.env", "a.env", "-" + uid + "-.env", "--" + uid + "-x.env", "99999999999999999999999-" + uid + "-x.env", "\n-" + uid + "-\x1b[31m.env",
		"00000000000000000000-" + uid + "-\xff.env", uid + "-" + uid + "-x.en", tempPrefix + "-" + uid + "-x.env", "-1-" + uid + "-x.env",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "0-"+uid+"-d.env"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{
		"", "x", "../../etc/passwd - 1 1\n", fmt.Sprintf("%d-%s-x.env - 1 1\n", int64(1<<63-1), uid), "- - 99999999999999999999 -1\n", strings.Repeat("9", 4096),
		". .. 5 5", "a\x00b a\x00b 1 1",
	} {
		if err := os.WriteFile(filepath.Join(dir, ".last-"+uid), []byte(mark), 0o600); err != nil {
			t.Fatal(err)
		}
		fresh := New(dir, Options{}) // which has only the mark to go by
		write(t, fresh, "first", "second")
		var own []string
		got := drained(t, fresh)
		for _, e := range got {
			if e == "first" || e == "second" {
				own = append(own, e)
			}
		}
		if !slices.Equal(own, []string{"first", "second"}) {
			t.Errorf("after the mark %q: %q", mark, got)
		}
	}
	sum, err := s.DrainAll(t.Context(), single(func(context.Context, File) error { return nil }))
	if err != nil || !sum.Empty || sum.Delivered != 1 { // a.env, which is nobody's by its name
		t.Errorf("%+v, %v", sum, err)
	}
}
