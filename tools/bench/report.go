package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// report writes the results as a page.
func (b *bench) report(done []stage) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# Results of ./bench\n\nWritten by `./bench`; to repeat: `./bench`, or `./bench NAME…` for a part (the names stand below).\n"+
		"All contenders of a part run on one machine in one run and take turns; each number is the median of %d rounds, with the\n"+
		"least and the greatest behind it. Messages have 1 KB and are acknowledged only when they are on disk. CPU is the server\n"+
		"process's user and system time for a message; what is measured in this process says so. In the parts that compare with\n"+
		"other brokers, read back and follow live, the nodes run with verify = \"if-signed\" and sign = [], since the other brokers\n"+
		"sign nothing; contenders that say signed run with the defaults, with which the node signs each message. In the parts on\n"+
		"ZeroMQ a message is a topic of 60 bytes and 1 KB, publisher and subscribers are processes of their own, with all subscribers\n"+
		"of a part in one, each subscriber checks that it got every message in order, and nothing is on disk but with FSUBMIT1.\n\n", b.o.rounds)
	b.machine(&w)
	fmt.Fprintf(&w, "\n| what | reach | reached | |\n|---|---|---|---|\n")
	for _, s := range done {
		for _, r := range s.rows {
			b.row(&w, r)
		}
	}
	for _, s := range done {
		fmt.Fprintf(&w, "\n## %s\n\n| name | | median | least … greatest |\n|---|---|---|---|\n", s.title)
		for _, c := range s.contenders {
			m, _ := b.median(c.name)
			fmt.Fprintf(&w, "| %s | %s | %s | %s |\n", c.name, c.title, strings.Join(strings.Fields(m.String()), " "), b.spread(c.name))
		}
		if s.noted != "" {
			fmt.Fprintf(&w, "\n%s", s.noted)
		}
	}
	return w.String()
}

// row writes one line of the table, if all that it compares was measured.
func (b *bench) row(w *strings.Builder, r row) {
	for _, name := range r.needs {
		if _, ok := b.median(name); !ok {
			return
		}
	}
	text, ok := r.reached(func(name string) sample { m, _ := b.median(name); return m })
	mark := map[bool]string{true: "yes", false: "**no**"}[ok]
	fmt.Fprintf(w, "| %s | %s | %s | %s |\n", r.what, r.reach, text, mark)
}

// spread gives the least and greatest sample of what the contender is measured by.
func (b *bench) spread(name string) string {
	all := b.samples[name]
	field := func(s sample) float64 {
		switch {
		case s.rate > 0:
			return s.rate
		case s.span > 0:
			return float64(s.span.Microseconds()) / 1e3
		}
		return float64(s.size) / 1e6
	}
	lo, hi := field(all[0]), field(all[0])
	for _, s := range all {
		lo, hi = min(lo, field(s)), max(hi, field(s))
	}
	if lo > 1000 {
		return thousands(lo) + " … " + thousands(hi)
	}
	return fmt.Sprintf("%.1f … %.1f", lo, hi)
}

// machine says where and with what it was measured.
func (b *bench) machine(w *strings.Builder) {
	fmt.Fprintf(w, "- date: %s\n", time.Now().UTC().Format("2006-01-02"))
	fmt.Fprintf(w, "- machine: %d × %s, %s RAM\n", runtime.NumCPU(), field("/proc/cpuinfo", "model name"), field("/proc/meminfo", "MemTotal"))
	fmt.Fprintf(w, "- system: %s, kernel %s, state on %s\n", strings.Trim(fieldSep("/etc/os-release", "PRETTY_NAME", "="), `"`), output("uname", "-r"), fileSystem(b.dir))
	fmt.Fprintf(w, "- fedmsg: commit %s, %s, CGO_ENABLED=0\n", output("git", "-C", b.root, "describe", "--always", "--dirty"), runtime.Version())
	if b.o.peers {
		fmt.Fprintf(w, "- NATS: %s, client nats.go %s, %d connections\n", output(b.tool("nats-server"), "--version"), moduleVersion("github.com/nats-io/nats.go"), natsConnections)
		fmt.Fprintf(w, "- RabbitMQ: Debian package %s, client amqp091-go %s, %d connections, a channel for each caller\n",
			output("dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server"), moduleVersion("github.com/rabbitmq/amqp091-go"), rabbitConnections)
		fmt.Fprintf(w, "- ZeroMQ: libzmq, Debian package %s; go-zeromq/zmq4 %s\n", output("dpkg-query", "-W", "-f", "${Version}", "libzmq5"),
			moduleVersionIn(b.tool("zmqpeer-gozeromq"), "github.com/go-zeromq/zmq4"))
	}
}

func field(file, key string) string { return fieldSep(file, key, ":") }

// fieldSep gives the value of the first line of a file that begins with the key.
func fieldSep(file, key, sep string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, sep); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

// output gives what a command prints, for people.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// fileSystem names the kind of file system under a directory.
func fileSystem(dir string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "unknown"
	}
	switch uint32(s.Type) {
	case 0xef53:
		return "ext4"
	case 0x58465342:
		return "xfs"
	case 0x9123683e:
		return "btrfs"
	case 0x01021994:
		return "tmpfs (nothing is durable there: use --dir)"
	case 0x794c7630:
		return "overlayfs"
	}
	return fmt.Sprintf("file system %#x", s.Type)
}

// moduleVersion gives the version of a module in this program.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return versionIn(info, path)
}

// moduleVersionIn gives that in another program.
func moduleVersionIn(program, path string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "unknown"
	}
	return versionIn(info, path)
}

func versionIn(info *debug.BuildInfo, path string) string {
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}
