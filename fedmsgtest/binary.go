package fedmsgtest

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// program is what is built and tested.
const program = "github.com/federated-messaging/fedmsg/cmd/fedmsg"

// built makes the program once per test process; it is a constant as far as tests can see.
var built = sync.OnceValues(build)

// Binary gives the path of the program as it is shipped: without cgo and without the race detector. It is built once in a
// test process, into the user's cache, so that it is linked anew only when it changed. FEDMSG_TEST_BINARY names another.
// Any goroutine may call it.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("FEDMSG_TEST_BINARY"); path != "" {
		return path
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build runs go build, one at a time for each working directory's module, since packages are tested in parallel.
func build() (string, error) {
	dir, err := binaryDir()
	if err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() // gives up the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	path := filepath.Join(dir, "fedmsg")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", path, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return path, nil
}

// binaryDir gives a directory of this user that is the same for every test run of this module.
func binaryDir() (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		root = os.TempDir()
	}
	wd, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	h := fnv.New64a()
	h.Write(wd)
	dir := filepath.Join(root, "fedmsgtest", fmt.Sprintf("%d-%x", os.Getuid(), h.Sum64()))
	return dir, os.MkdirAll(dir, 0o755)
}
