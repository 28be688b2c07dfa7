package process

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// portsTable gives the cells of the table of docs/ports.md whose first line begins with a word, without the backquotes.
func portsTable(t *testing.T, first string) [][]string {
	t.Helper()
	var rows [][]string
	in := false
	for line := range strings.Lines(readPage(t, "docs/ports.md")) {
		line = strings.TrimSpace(strings.ReplaceAll(line, "`", ""))
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case strings.HasPrefix(line, "| "+first+" |"):
			in = true
		case !strings.HasPrefix(line, "|"):
			in = false
		case in && !strings.HasPrefix(line, "|---"):
			rows = append(rows, cells)
		}
	}
	if len(rows) < 5 {
		t.Fatalf("docs/ports.md has %d rows below %q", len(rows), first)
	}
	return rows
}

// packageListens holds what the machine of the package has open against docs/ports.md, both ways. Nothing but the node runs there.
func packageListens(t *testing.T, m *machine) {
	t.Helper()
	var want []string
	for _, row := range portsTable(t, "key") {
		if row[1] != "closed" {
			want = append(want, strings.TrimPrefix(strings.TrimPrefix(row[1], "http://"), "tcp://"))
		}
	}
	got := listening(t, m)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("open are\n%q\nand docs/ports.md says\n%q", got, want)
	}
}

// listening gives what can be connected to on a machine, sorted: addresses of TCP and UDP, and unix sockets of fedmsg in the form in
// which the configuration has them.
func listening(t *testing.T, m *machine) []string {
	t.Helper()
	var open []string
	for line := range strings.Lines(m.sh(t, "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6")) {
		f := strings.Fields(line)
		if listens := len(f) > 3 && (f[3] == "0A" || f[3] == "07"); !listens { // of TCP; of UDP
			continue
		}
		address, port, _ := strings.Cut(f[1], ":")
		n, err := strconv.ParseUint(port, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, net.JoinHostPort(kernelAddress(t, address).String(), strconv.FormatUint(n, 10)))
	}
	for line := range strings.Lines(m.sh(t, "cat /proc/net/unix")) {
		f := strings.Fields(line)
		if len(f) == 8 && f[3] == "00010000" && strings.Contains(f[7], "fedmsg") { // it accepts connections
			scheme := "unix://"
			if strings.HasSuffix(f[7], "-submit.sock") {
				scheme = "ipc://"
			}
			open = append(open, scheme+f[7])
		}
	}
	slices.Sort(open)
	return slices.Compact(open)
}

// kernelAddress reads an address as /proc/net has it: words of four bytes in the order of a little-endian machine.
func kernelAddress(t *testing.T, hex string) netip.Addr {
	t.Helper()
	var b []byte
	for i := 0; i+8 <= len(hex); i += 8 {
		n, err := strconv.ParseUint(hex[i:i+8], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		t.Fatalf("%q is no address", hex)
	}
	return a
}

// dialed says at which of the ports in its arguments somebody has been, and ends when that was so at all of them.
const dialed = `
import select, socket, sys
open_ports = {}
for port in sorted(set(sys.argv[1:])):
    for kind in [socket.SOCK_STREAM] + [socket.SOCK_DGRAM] * (port == "53"):
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", int(port)))
        if kind == socket.SOCK_STREAM: s.listen(16)
        open_ports[s] = port
print("listening", flush=True)
missing = set(open_ports.values())
while missing:
    for s in select.select(list(open_ports), [], [])[0]:
        missing.discard(open_ports[s])
        if s.type == socket.SOCK_STREAM: s.accept()[0].close()
        else: s.recv(4096)
`

// packageConnects holds that the node connects to the ports of docs/ports.md where an address names none.
func packageConnects(t *testing.T, m *machine) {
	t.Helper()
	config := "environment = \"dev\"\n"
	var ports []string
	for _, row := range portsTable(t, "address") {
		scheme, port := row[0], row[1]
		ports = append(ports, port)
		switch name := regexp.MustCompile(`\W+`).ReplaceAllString(scheme, ""); scheme {
		case "postgres://":
			config = "[archive]\nstore = \"postgres://fedmsg@127.0.0.1/bus\"\n" + config
		case "srv:":
			config = "[zeromq]\nsubscribe = [\"srv:mesh.example.org\"]\n" + config
		default:
			config += "[[sink]]\nname = \"" + name + "\"\nto = \"" + scheme + "127.0.0.1\"\ntopics = [\"#\"]\nretry_max = \"1s\"\n"
		}
	}
	config = strings.Replace(config, "environment = \"dev\"\n", "", 1)
	m.sh(t, "echo nameserver 127.0.0.1 > /etc/resolv.conf; cat > /etc/fedmsg/conf.d/all.toml <<'END'\n"+config+"END")
	listen := m.command("exec timeout 60 python3 -c '" + dialed + "' " + strings.Join(ports, " "))
	said, err := listen.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := listen.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	m.sh(t, "systemctl start fedmsg.service; fedmsg publish --topic ports.message.new --message 'for all sinks'")
	if err := listen.Wait(); err != nil {
		t.Errorf("not every port of %v was connected to in %s: %v\n%s", ports, time.Since(start).Round(time.Second), err, m.sh(t, "fedmsg sink ls; journalctl 2>/dev/null | tail"))
	}
	m.sh(t, "systemctl stop fedmsg.socket fedmsg.service; rm /etc/fedmsg/conf.d/all.toml")
}
