package zmtp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"
)

// Options says how a socket or connection behaves. The zero value works: every zero field has the default that stands
// beside it.
type Options struct {
	// Identity names this socket to ROUTER peers, at most 255 bytes, the first not 0. Empty lets them choose.
	Identity []byte
	// Security is the mechanism and this side's part in it; nil is NULL, which proves nothing and hides nothing.
	Security Security
	// Dial makes the connections of Connect and Dial; nil is a net.Dialer. The network is tcp or unix.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// ListenUnix makes the listeners of ipc:///PATH, and takes their files away when they are closed; nil makes a file with the
	// mode that the umask leaves.
	ListenUnix func(path string) (net.Listener, error)

	// MaxMessage bounds the bytes of one received message, all frames together; 8 MiB. A peer that sends more is cut off.
	MaxMessage int
	// MaxFrames bounds the frames of one received message; 1024.
	MaxFrames int
	// MaxSubscriptions bounds what one peer may have subscribed to at a time; 65536 prefixes, and 4 MiB of them.
	MaxSubscriptions int

	// SendLimit bounds the messages queued for one peer, the high-water mark; 1000.
	SendLimit int
	// SendBytes bounds the bytes queued for one peer; 16 MiB.
	SendBytes int
	// ReceiveLimit bounds the messages that came from one peer and were not taken; 1000. Beyond it the peer has to wait.
	ReceiveLimit int

	// HandshakeTimeout is how long a peer may take from connecting to the end of the handshake; 10 s.
	HandshakeTimeout time.Duration
	// MaxHandshakes bounds the handshakes of one listener that are under way; 4096. The oldest gives way to a new one.
	MaxHandshakes int
	// MaxPeers bounds the peers of one listener; 16384. More are turned away. One that is gone counts until what it sent was
	// received.
	MaxPeers int
	// WriteTimeout is how long a peer may take nothing of what is written to it before it is cut off; 30 s. Negative is for
	// ever.
	WriteTimeout time.Duration
	// Linger is how long Close waits for what is queued to be written; 1 s. Negative does not wait.
	Linger time.Duration

	// Heartbeat is after what silence a ZMTP 3.1 peer is asked whether it is there; 30 s. Negative never asks.
	Heartbeat time.Duration
	// HeartbeatTimeout is how long it may then stay silent; 10 s. A peer that reads nothing for that long, because it is held
	// back, does not find the question behind what it has not read, and is cut off like one that is gone.
	HeartbeatTimeout time.Duration
	// KeepAlive is TCP's own; zero is after 60 s, every 5 s, 3 times.
	KeepAlive net.KeepAliveConfig

	// ReconnectMin and ReconnectMax bound the wait before each further attempt to connect; 100 ms and 10 s. The wait doubles,
	// and has jitter.
	ReconnectMin, ReconnectMax time.Duration

	// Logger hears of peers that are refused, cut off or lost; nil is silent. A message of it has the attribute peer or
	// endpoint.
	Logger *slog.Logger
}

// filled is o with every default in its place.
func (o Options) filled() Options {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&o.MaxMessage, 8 << 20}, {&o.MaxFrames, 1024}, {&o.MaxSubscriptions, 65536},
		{&o.SendLimit, 1000}, {&o.SendBytes, 16 << 20}, {&o.ReceiveLimit, 1000},
		{&o.MaxHandshakes, 4096}, {&o.MaxPeers, 16384},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.WriteTimeout, 30 * time.Second}, {&o.Linger, time.Second},
		{&o.Heartbeat, 30 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.HandshakeTimeout, 10 * time.Second}, {&o.HeartbeatTimeout, 10 * time.Second},
		{&o.ReconnectMin, 100 * time.Millisecond}, {&o.ReconnectMax, 10 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.KeepAlive == (net.KeepAliveConfig{}) {
		o.KeepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 5 * time.Second, Count: 3}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.ReconnectMax = max(o.ReconnectMin, o.ReconnectMax)
	return o
}

// validate says what cannot be meant.
func (o *Options) validate() error {
	if len(o.Identity) > 255 || len(o.Identity) > 0 && o.Identity[0] == 0 {
		return errors.New("zmtp: the identity has more than 255 bytes or begins with 0; ROUTER peers take neither")
	}
	return nil
}

// security is the mechanism.
func (o *Options) security() Security {
	if o.Security == nil {
		return null{}
	}
	return o.Security
}
