package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// KernelClock is what the kernel says of the machine's clock.
type KernelClock struct {
	Synchronised bool          // something keeps it right, as an NTP client does
	Error        time.Duration // how wrong it may be at most
}

// How wrong a clock may be.
const (
	skewWarning = 30 * time.Second
	skewSlack   = 1500 * time.Millisecond // a Date has whole seconds, and answering takes time
)

// clock compares the machine's clock with what the kernel says of it, and with those of other nodes.
func (s *Subject) clock(ctx context.Context) []Finding {
	all := []Finding{s.kernel()}
	found := make(chan Finding)
	n := 0
	for _, p := range s.partners() {
		if p.scheme != "https" && p.scheme != "http" { // which nodes have; what is polled over them is none
			continue
		}
		n++
		go func() { found <- s.compare(ctx, p) }()
	}
	for range n {
		if f := <-found; f.Status != "" {
			all = append(all, f)
		}
	}
	return all
}

// kernel says whether the clock is kept right.
func (s *Subject) kernel() Finding {
	const looked = "the kernel's clock"
	k, err := s.Kernel()
	switch {
	case err != nil:
		return ok(looked, "the kernel does not say whether it is kept right: %v", err)
	case !k.Synchronised:
		return warning(looked, "nothing keeps it right, so times of messages may be wrong, and signed messages of others be refused as stale or from the future",
			"`timedatectl set-ntp true`, with systemd-timesyncd or chrony installed")
	}
	return ok(looked, "it is kept right, to %s at most", k.Error.Round(time.Millisecond))
}

// compare asks another node for its time. The zero Finding is that it does not tell, as when it cannot be reached, which is told elsewhere.
func (s *Subject) compare(ctx context.Context, p partner) Finding {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	config, err := p.files.TLS(p.host)
	if err != nil {
		return Finding{}
	}
	client.Transport = &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, p.scheme+"://"+p.address+"/readyz", nil)
	if err != nil {
		return Finding{}
	}
	before := s.Now()
	resp, err := client.Do(req)
	if err != nil {
		return Finding{}
	}
	defer resp.Body.Close()
	after := s.Now()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return Finding{}
	}
	ahead := theirs.Sub(before.Add(after.Sub(before) / 2))
	wrong := max(0, ahead.Abs()-skewSlack-after.Sub(before)/2)
	way := "behind this machine's"
	if ahead > 0 {
		way = "before this machine's"
	}
	looked := p.key + " (" + p.address + ")"
	if wrong <= skewWarning {
		return ok(looked, "its clock agrees with this machine's")
	}
	f := warning(looked, fmt.Sprintf("its clock is %s %s; one of the two is wrong", ahead.Abs().Round(time.Second), way),
		"compare both with a third: `timedatectl`, on each machine; then have an NTP client keep them right")
	if limit := s.Loaded.Config.Verification.MaxFuture; wrong > limit {
		f.Status = ops.Failed
		f.Text += fmt.Sprintf(", and by more than verification.max_future = %s, so that signed messages are refused", limit)
	}
	return f
}
