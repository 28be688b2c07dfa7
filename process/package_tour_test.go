package process

import (
	"os"
	"strings"
	"testing"
)

// packageTour runs docs/tour.md on the node of the Debian package as its units start it, in a machine of its own. The node is not
// started by the page but by systemd, which also starts it anew when the page has killed it. Before and behind it the machine's ports are
// held against docs/ports.md.
func packageTour(t *testing.T, p packages) {
	m := bootMachine(t, "/")
	m.sh(t, "dpkg --install "+m.copyIn(t, p.deb))
	packageListens(t, m)
	m.sh(t, "mkdir -p /tmp/tour/docs && ln -s /usr/bin/fedmsg /tmp/tour/fedmsg")
	if err := os.WriteFile(m.root+"/tmp/tour/docs/sample.jsonl", []byte(readPage(t, "docs/sample.jsonl")), 0o644); err != nil {
		t.Fatal(err)
	}
	page := readPage(t, "docs/tour.md")
	const pid = "systemctl show --property=MainPID --value fedmsg.service"
	for _, step := range []struct{ page, unit string }{
		{"CGO_ENABLED=0 go build -o fedmsg ./cmd/fedmsg\n./fedmsg serve &\nnode=$!\n", "node=$(" + pid + ")\n"},
		{"./fedmsg serve &\nnode=$!\n", "timeout 60 sh -c 'until n=$(" + pid + "); test \"$n\" != 0 -a \"$n\" != '$node'; do sleep 0.1; done'\nnode=$(" + pid + ")\n"},
		{"kill $node\nwait $node\n", "systemctl stop fedmsg.socket fedmsg.service\nsystemctl show --property=Result --property=ExecMainStatus fedmsg.service\n"},
	} {
		if strings.Count(page, step.page) != 1 {
			t.Fatalf("docs/tour.md has not once the lines\n%s", step.page)
		}
		page = strings.Replace(page, step.page, step.unit, 1)
	}
	out := m.sh(t, "cd /tmp/tour\n"+script(blocks(page)))
	holdsTour(t, page, out)
	for _, want := range []string{"Result=success\n", "ExecMainStatus=0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the service did not stop with %s", want)
		}
	}
	if t.Failed() {
		t.Log(clipEnd(out))
	}
	packageConnects(t, m)
}
