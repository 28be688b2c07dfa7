package fedmsgtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Missing ends the test because something it needs is not there: a program, a right, a file system. It is skipped with
// what as the reason; with FEDMSG_TEST_REQUIRE=all, which continuous integration sets, it fails.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("FEDMSG_TEST_REQUIRE") == "all" {
		t.Fatalf("missing: %s (FEDMSG_TEST_REQUIRE=all makes this a failure)", what)
	}
	t.Skipf("missing: %s", what)
}

// Tool gives the path of a program of the system, also of those in /sbin, or ends the test as [Missing] does.
func Tool(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	Missing(t, "the program "+name)
	return ""
}

// Root ends the test as [Missing] does unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "the rights of root")
	}
}

// Long reports whether full counts are wanted, as ./test --long asks.
func Long() bool { return os.Getenv("FEDMSG_TEST_LONG") == "1" }

// Count gives how often to do a thing: long under [Long], else short.
func Count(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// Shared gives the path of a file or directory of the shared corpus and vectors, which lie beside the project's directory
// (../shared) or where FEDMSG_TEST_SHARED says. They are no part of the project and nothing can install them: where there
// are none the test is skipped, even with FEDMSG_TEST_REQUIRE=all; where there are some, the named one must be among them.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir := os.Getenv("FEDMSG_TEST_SHARED")
	if dir == "" {
		dir = filepath.Join(moduleRoot(t), "..", "shared")
		if _, err := os.Stat(filepath.Join(dir, "interop")); err != nil {
			t.Skip("no corpus and vectors beside the project; FEDMSG_TEST_SHARED names them")
		}
	}
	path := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the shared files have no %s: %s", filepath.Join(elem...), err)
	}
	return path
}

// moduleRoot finds the directory of go.mod at or above the working directory, which is the test's package.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("the test does not run inside a module: no go.mod at or above the working directory")
		}
		dir = up
	}
}
