package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// bridged is a node of the bench with lines of its own in the configuration, for its sinks and sources. It signs nothing and asks
// for no signatures.
type bridged struct {
	*node
	http http.Client
}

// startBridged starts a node on a state directory with those lines of configuration, and returns when it is ready. The caller
// stops it.
func (b *bench) startBridged(ctx context.Context, name, state, lines string) (*bridged, error) {
	b.bridges++
	f := flavour(fmt.Sprintf("%s-%d", name, b.bridges)) // its files are named after it
	n, err := b.startConfigured(ctx, f, state, "verify = \"if-signed\"\nsign = []\n"+lines)
	if err != nil {
		return nil, err
	}
	return bridgedOf(n), nil
}

// bridgedOf is a node that can be asked over its socket.
func bridgedOf(n *node) *bridged {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", n.socket)
	}
	return &bridged{node: n, http: http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// get asks the node over its socket.
func (n *bridged) get(path string, answer any) error {
	resp, err := n.http.Get("http://localhost" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %w: %s", path, resp.Status, err, body)
	}
	return json.Unmarshal(body, answer)
}

// logEnd gives the id of the node's log and the number of its last entry.
func (n *bridged) logEnd() (fedmsg.LogID, uint64, error) {
	var log struct {
		ID   fedmsg.LogID `json:"id"`
		Last uint64       `json:"last"`
	}
	err := n.get("/v1/log", &log)
	return log.ID, log.Last, err
}

// sinkStatus is what the bench asks of one sink.
type sinkStatus struct {
	Name      string          `json:"name"`
	State     string          `json:"state"`
	Position  fedmsg.Position `json:"position"`
	Delivered uint64          `json:"delivered"`
	Dead      int             `json:"dead"`
	LastError string          `json:"last_error"`
}

// sink gives the status of the node's only sink.
func (n *bridged) sink() (s sinkStatus, err error) {
	var answer struct {
		Sinks []sinkStatus `json:"sinks"`
	}
	if err = n.get("/v1/sinks", &answer); err == nil && len(answer.Sinks) != 1 {
		err = fmt.Errorf("the node has %d sinks", len(answer.Sinks))
	}
	if err != nil {
		return s, err
	}
	return answer.Sinks[0], nil
}

// filledTail is a log with many messages, and the position with so many behind it.
func (b *bench) filledTail(ctx context.Context, count int) (state string, after fedmsg.Position, err error) {
	if b.filled == "" {
		if err := b.fill(ctx); err != nil {
			return "", after, err
		}
	}
	if b.filledEnd.IsZero() {
		n, err := b.startBridged(ctx, "filled", b.filled, "")
		if err != nil {
			return "", after, err
		}
		id, last, err := n.logEnd()
		if err := firstError(err, n.stop()); err != nil {
			return "", after, err
		}
		b.filledEnd = fedmsg.Position{Log: id, Seq: last}
	}
	return b.filled, fedmsg.Position{Log: b.filledEnd.Log, Seq: b.filledEnd.Seq - uint64(count)}, nil
}

// sinkRate has a node deliver the last count messages of a long log through a sink with those lines of configuration (all but name,
// topics and start), and gives the rate from the first acknowledgement that is seen to the last, and the node's CPU time for each.
func (b *bench) sinkRate(ctx context.Context, count int, lines string) (sample, error) {
	state, after, err := b.filledTail(ctx, count)
	if err != nil {
		return sample{}, err
	}
	name := fmt.Sprintf("bench-%d", b.bridges) // with a place of its own
	n, err := b.startBridged(ctx, "sink", state, fmt.Sprintf("[[sink]]\nname = %q\ntopics = [\"#\"]\nstart = %q\n%s\n", name, after, lines))
	if err != nil {
		return sample{}, err
	}
	s, err := n.watchSink(ctx, after.Seq+uint64(count), uint64(count))
	return s, firstError(err, n.stop(), os.Remove(filepath.Join(state, "readers", "sink-"+name)))
}

// watchSink measures a sink until it stands behind the entry with number last.
func (n *bridged) watchSink(ctx context.Context, last, count uint64) (sample, error) {
	var first sinkStatus
	var began time.Time
	var cpuBefore time.Duration
	for ctx.Err() == nil {
		s, err := n.sink()
		if err != nil {
			return sample{}, err
		}
		switch {
		case s.Dead > 0:
			return sample{}, fmt.Errorf("%d messages could not be delivered: %s", s.Dead, s.LastError)
		case began.IsZero() && s.Delivered > 0:
			first, began = s, time.Now()
			if cpuBefore, err = n.cpu(); err != nil {
				return sample{}, err
			}
		case s.Position.Seq >= last:
			took, measured := time.Since(began), s.Delivered-first.Delivered
			if s.Delivered < count {
				return sample{}, fmt.Errorf("%d of %d messages were delivered", s.Delivered, count)
			}
			cpu, err := n.cpu()
			return sample{rate: float64(measured) / took.Seconds(), cpu: (cpu - cpuBefore) / time.Duration(measured)}, err
		}
		time.Sleep(time.Millisecond)
	}
	return sample{}, ctx.Err()
}

// secretFile writes a file of credentials.
func (b *bench) secretFile(name, secret string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(strings.TrimSpace(secret)+"\n"), 0o600)
}

// firstError gives the first that is not nil.
func firstError(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// sinkStages is how the ways out of a node and between nodes are measured.
func sinkStages() []stage {
	return []stage{
		fanStage(), peerStage(), sinkAMQPStage(), sinkSTOMPStage(), sinkNATSStage(),
	}
}
