package doctor

import (
	"context"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// cure is what is to be done about what /healthz tells under a name that begins so.
type cure struct{ name, cure string }

// healthCures has what is to be done about what /healthz tells, by the beginning of its names; what a text itself names comes first.
// The first that fits counts.
func healthCures() []cure {
	return []cure{
		{"log-write", "look for what the kernel says of the disk (`dmesg`), then restart the node: `systemctl restart fedmsg`"},
		{"log-space", "make room on the disk, or let the log be smaller: log.max_bytes, log.max_age"},
		{"log-position", "`systemctl stop fedmsg && fedmsg log adopt && systemctl start fedmsg`; see docs/log.md"},
		{"log-clock", "find what steps the clock: `timedatectl timesync-status`, `chronyc tracking`"},
		{"log-damage", "`fedmsg check` says what is damaged; see docs/log.md"},
		{"log-retention", "`fedmsg sink ls` and `fedmsg archive status` say who has not taken what is to go"},
		{"tokens", "`fedmsg token ls` says what is wrong with the file of tokens"},
		{"spool", "`journalctl -u fedmsg` names the directory and the cure"},
		{"signing", "`fedmsg keys show` says which keys there are; `journalctl -u fedmsg` names the file"},
		{"verify", "ask for signatures: verify = \"require\", or verify= of the endpoint; see docs/trust.md"},
		{"trust", "`fedmsg config check` names the file and the fault"},
		{"ca-", "put the authority's new certificate into the file of ca; see `fedmsg trust ls`"},
		{"crl-", "have the authority issue a new list, as by `fedmsg keys ca crl`, and put it in the place of crl"},
		{"archive", "`fedmsg archive status` and `journalctl -u fedmsg` say more; see docs/archive.md"},
		{"redaction", "`journalctl -u fedmsg` says what hinders it; see docs/redact.md"},
		{"zeromq", "see docs/zeromq.md, and `journalctl -u fedmsg`"},
	}
}

// health is what the node says of itself, but for what other checks look at more closely.
func (n *node) health(ctx context.Context) []Finding {
	var report ops.Report
	err := n.ask(ctx, "/healthz", &report)
	if err != nil {
		return []Finding{failed(n.subject.Node+"/healthz", "the node does not tell its health: "+err.Error(), "`journalctl -u fedmsg` says what it does; profiles stand at /debug/pprof/ of its socket")}
	}
	var all []Finding
	for _, c := range report.Checks {
		kind, _, _ := strings.Cut(c.Name, " ")
		if kind == "sink" || kind == "source" || kind == "insecure" || kind == "certificates" {
			continue
		}
		f := Finding{Status: c.Status, Looked: c.Name, Text: c.Text}
		if c.Status != ops.OK {
			f.Cure = cureOf(c.Name)
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return []Finding{warning(n.subject.Node+"/healthz", "the node says no more than "+string(report.Status)+" to who may not read there", "ask over its socket, or show a token with --token-file")}
	}
	return all
}

func cureOf(name string) string {
	for _, c := range healthCures() {
		if strings.HasPrefix(name, c.name) {
			return c.cure
		}
	}
	return "see the sentence, and `journalctl -u fedmsg`"
}
