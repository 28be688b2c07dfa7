package zmtp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// TestAppendMessage holds the bytes of messages against RFC 37.
func TestAppendMessage(t *testing.T) {
	for _, c := range []struct {
		frames []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, "0000"},
		{[]string{"a"}, "000161"},
		{[]string{"a", "", "bc"}, "010161" + "0100" + "00026263"},
		{[]string{strings.Repeat("x", 255)}, "00ff" + strings.Repeat("78", 255)},
		{[]string{strings.Repeat("x", 256)}, "020000000000000100" + strings.Repeat("78", 256)},
		{[]string{strings.Repeat("x", 65536), "a"}, "030000000000010000" + strings.Repeat("78", 65536) + "000161"},
	} {
		var frames [][]byte
		for _, f := range c.frames {
			frames = append(frames, []byte(f))
		}
		got := AppendMessage([]byte("before"), frames...)
		if s := hex.EncodeToString(bytes.TrimPrefix(got, []byte("before"))); s != c.want {
			t.Errorf("%.20q: %.80s, want %.80s", c.frames, s, c.want)
		}
	}
}

// TestURIs reads endpoints.
func TestURIs(t *testing.T) {
	path := "/" + strings.Repeat("p", 106)
	for _, c := range []struct {
		uri  string
		bind bool
		want address
		why  string
	}{
		{"tcp://127.0.0.1:9940", false, address{"tcp", "127.0.0.1:9940"}, ""},
		{"tcp://[::1]:9940", false, address{"tcp", "[::1]:9940"}, ""},
		{"tcp://example.org:1", false, address{"tcp", "example.org:1"}, ""},
		{"tcp://*:0", true, address{"tcp", ":0"}, ""},
		{"tcp://*:*", true, address{"tcp", ":0"}, ""},
		{"tcp://127.0.0.1:0", true, address{"tcp", "127.0.0.1:0"}, ""},
		{"ipc:///run/x", true, address{"unix", "/run/x"}, ""},
		{"ipc://" + path, true, address{"unix", path}, ""},
		{"ipc://@name", false, address{"unix", "@name"}, ""},
		{"tcp://*:1", false, address{}, "nothing can connect to *"},
		{"tcp://h:0", false, address{}, "port 0"},
		{"tcp://h:*", false, address{}, "its port is not a number"},
		{"tcp://h:65536", true, address{}, "its port is not a number"},
		{"tcp://h:http", true, address{}, "its port is not a number"},
		{"tcp://h:-1", true, address{}, "its port is not a number"},
		{"tcp://:1", true, address{}, "it has no host"},
		{"tcp://h", true, address{}, "it is not tcp://HOST:PORT"},
		{"tcp://::1:9940", true, address{}, "it is not tcp://HOST:PORT"},
		{"h:9940", false, address{}, "it has no scheme"},
		{"udp://h:9940", false, address{}, `the scheme "udp" is not spoken`},
		{"inproc://x", false, address{}, `the scheme "inproc" is not spoken`},
		{"ipc://", true, address{}, "it has no path"},
		{"ipc://@", true, address{}, "it has no path"},
		{"ipc://a\x00b", true, address{}, "has a NUL in it"},
		{"ipc://" + path + "p", true, address{}, "its path has 108 bytes"},
	} {
		got, err := parseURI(c.uri, c.bind)
		switch {
		case c.why == "" && (err != nil || got != c.want):
			t.Errorf("%q: %v, %v; want %v", c.uri, got, err, c.want)
		case c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)):
			t.Errorf("%q: %v, %v; want %q in the error", c.uri, got, err, c.why)
		}
	}
}
