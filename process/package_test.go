package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// packages are what ./package made.
type packages struct{ deb, rpm, next string } // next is the deb of the version behind

// TestPackages builds the packages as ./package does and holds what is in them, and what becomes of a machine that installs,
// uses, upgrades, removes and purges the Debian one.
func TestPackages(t *testing.T) {
	t.Parallel()
	p := buildPackages(t)
	t.Run("Contents", func(t *testing.T) { packageContents(t, p) })
	t.Run("Lintian", func(t *testing.T) {
		lintian := fedmsgtest.Tool(t, "lintian")
		if out, err := exec.Command(lintian, "--allow-root", "--fail-on", "error", p.deb).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("Monitoring", func(t *testing.T) { packageMonitoring(t, p) })
	t.Run("Manual", func(t *testing.T) { packageManual(t, p) })
	t.Run("Completions", func(t *testing.T) { packageCompletions(t, p) })
	t.Run("Tour", func(t *testing.T) { packageTour(t, p) })
	t.Run("Operate", func(t *testing.T) { packageOperate(t, p) })
	t.Run("Life", func(t *testing.T) { packageLife(t, bootMachine(t, "/"), p) })
	if fedmsgtest.Long() || os.Getenv("FEDMSG_TEST_DEBIAN_ROOT") != "" { // a Debian is fetched, which takes minutes
		t.Run("CleanRoot", func(t *testing.T) { packageLife(t, bootMachine(t, debianRoot(t)), p) })
		t.Run("CleanRootMails", func(t *testing.T) { packageMails(t, p) })
	}
}

// buildPackages builds two versions of the Debian package and one of the other.
func buildPackages(t *testing.T) packages {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "fedmsg")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s", "-o", program, "./cmd/fedmsg")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	made := func(args ...string) []string {
		args = append([]string{"--arch", runtime.GOARCH, "--binary", program}, args...)
		cmd := exec.Command("../package", args...)
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1767225600") // not that of a commit made while the test runs
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("./package %s: %v", strings.Join(args, " "), err)
		}
		return strings.Fields(string(out))
	}
	first := made("--version", "1.0.0", "--out", dir)
	next := made("--version", "1.0.1", "--format", "deb", "--out", dir)
	again := made("--version", "1.0.0", "--format", "deb", "--out", filepath.Join(dir, "again"))
	if len(first) != 2 || len(next) != 1 || len(again) != 1 {
		t.Fatalf("./package made %v, %v, %v", first, next, again)
	}
	if exec.Command("cmp", first[0], again[0]).Run() != nil {
		t.Error("the same package, built twice, is not the same to the byte")
	}
	return packages{deb: first[0], rpm: first[1], next: next[0]}
}

// output runs a program and gives what it said.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(fedmsgtest.Tool(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// packageContents holds which files the packages have, with which rights.
func packageContents(t *testing.T, p packages) {
	inDeb, inRPM := output(t, "dpkg-deb", "-c", p.deb), output(t, "rpm", "-qplv", p.rpm)
	for _, file := range []string{
		"-rwxr-xr-x usr/bin/fedmsg", "lrwxrwxrwx usr/bin/fedmsg-logger -> fedmsg", "lrwxrwxrwx usr/bin/fedmsg-tail -> fedmsg",
		"lrwxrwxrwx usr/bin/fedmsg-announce -> fedmsg", "lrwxrwxrwx usr/bin/fedmsg-gateway -> fedmsg",
		"lrwxrwxrwx usr/bin/fedmsg-relay -> fedmsg", "lrwxrwxrwx usr/bin/fedmsg-hub -> fedmsg", "drwxr-xr-x etc/fedmsg/conf.d",
		"-rw-r--r-- etc/fedmsg/fedmsg.toml", "-rw-r--r-- usr/lib/systemd/system/fedmsg.service",
		"-rw-r--r-- usr/lib/systemd/system/fedmsg.socket", "-rw-r--r-- usr/lib/sysusers.d/fedmsg.conf",
		"-rw-r--r-- usr/lib/tmpfiles.d/fedmsg.conf", "-rw-r--r-- usr/share/man/man1/fedmsg.1.gz",
		"-rw-r--r-- usr/share/man/man1/fedmsg-log-info.1.gz", "-rw-r--r-- usr/share/man/man1/fedmsg-logger.1.gz",
		"-rw-r--r-- usr/share/bash-completion/completions/fedmsg", "-rw-r--r-- usr/share/fish/vendor_completions.d/fedmsg.fish",
	} {
		holdsFile(t, "the deb", inDeb, file)
		holdsFile(t, "the rpm", inRPM, file)
	}
	holdsFile(t, "the deb", inDeb, "-rw-r--r-- usr/share/zsh/vendor-completions/_fedmsg")
	holdsFile(t, "the rpm", inRPM, "-rw-r--r-- usr/share/zsh/site-functions/_fedmsg")
	for what, got := range map[string]string{
		"conffiles of the deb": output(t, "dpkg-deb", "-I", p.deb, "conffiles"), "configuration of the rpm": output(t, "rpm", "-qpc", p.rpm),
	} {
		if strings.TrimSpace(got) != "/etc/fedmsg/fedmsg.toml" {
			t.Errorf("%s: %q", what, got)
		}
	}
	root := unpacked(t, p)
	config := filepath.Join(root, "etc/fedmsg/fedmsg.toml")
	if want := fedmsgtest.CLI(t, nil, "config", "example").Stdout; fedmsgtest.CLI(t, nil, "config", "check", "--config", config).Status != 0 || want != readFile(t, config) {
		t.Error("the configuration of the package is not what `fedmsg config example` says, or is not right")
	}
	for script, text := range map[string]string{"%post": "systemd-sysusers", "%preun": "disable --now", "%postun": "try-restart"} {
		if scripts := output(t, "rpm", "-qp", "--scripts", p.rpm); !strings.Contains(scripts, text) {
			t.Errorf("the rpm has no %s with %q: %s", script, text, scripts)
		}
	}
}

// holdsFile reports a file, as "MODE NAME", that is not in the list of a package. dpkg-deb shows the mode of links as nfpm
// writes it, which nobody heeds.
func holdsFile(t *testing.T, where, list, file string) {
	t.Helper()
	mode, name, _ := strings.Cut(file, " ")
	for line := range strings.Lines(list) {
		if line = strings.TrimRight(line, "/ \n"); !strings.HasSuffix(line, " ./"+name) && !strings.HasSuffix(line, " /"+name) {
			continue
		}
		if got := strings.Fields(line)[0]; got[0] != mode[0] || mode[0] != 'l' && got != mode {
			t.Errorf("%s has %s as %s, want %s", where, name, got, mode)
		}
		return
	}
	t.Errorf("%s has no %s", where, name)
}

// unpacked gives the files of the Debian package.
func unpacked(t *testing.T, p packages) string {
	t.Helper()
	dir := t.TempDir()
	output(t, "dpkg-deb", "-x", p.deb, dir)
	return dir
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// packageManual holds that every verb has a page, and that nobody who reads the pages finds a fault in them.
func packageManual(t *testing.T, p packages) {
	dir := filepath.Join(unpacked(t, p), "usr/share/man/man1")
	output(t, "gunzip", "-r", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 60 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	mandoc := fedmsgtest.Tool(t, "mandoc")
	if out, err := exec.Command(mandoc, append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
	for page, want := range map[string][]string{
		"fedmsg":         {"fedmsg-log(1)", "/etc/fedmsg/fedmsg.toml", "EXIT STATUS"},
		"fedmsg-tail":    {"fedmsg tail [options]", "--since STRING", "THE OLD NAME", "--really-pretty", "SEE ALSO"},
		"fedmsg-hub":     {"No longer there", "fedmsg serve"},
		"fedmsg-publish": {"--topic", "EXAMPLES"},
	} {
		text := output(t, mandoc, "-T", "utf8", filepath.Join(dir, page+".1"))
		for _, w := range want {
			if !strings.Contains(unstruck(text), w) {
				t.Errorf("the page %s does not say %q", page, w)
			}
		}
	}
}

// unstruck takes away how a page for terminals writes bold and underlined letters: one over the other.
func unstruck(text string) string {
	var out []rune
	for _, r := range text {
		if r == '\b' && len(out) > 0 {
			out = out[:len(out)-1]
			continue
		}
		out = append(out, r)
	}
	return string(out)
}

// packageCompletions has each shell read its completions.
func packageCompletions(t *testing.T, p packages) {
	root := unpacked(t, p)
	for shell, file := range map[string]string{
		"bash": "usr/share/bash-completion/completions/fedmsg", "zsh": "usr/share/zsh/vendor-completions/_fedmsg",
		"fish": "usr/share/fish/vendor_completions.d/fedmsg.fish",
	} {
		output(t, shell, "-n", filepath.Join(root, file))
	}
}
