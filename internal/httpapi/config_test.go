package httpapi

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

func TestDefaultConfig(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.MaxBodyBytes <= fedmsg.DefaultLimits().Envelope {
		t.Error("a message within its limits does not fit into a request")
	}
	if len(c.Insecure()) != 0 {
		t.Error("the default is insecure")
	}
}

// TestValidate: each error names its key and what is wrong.
func TestValidate(t *testing.T) {
	cases := []struct {
		set  func(*Config)
		want string
	}{
		{func(c *Config) { c.Listen = []string{"ftp://127.0.0.1:1"} }, "http.listen: \"ftp://127.0.0.1:1\" does not start"},
		{func(c *Config) { c.Listen = []string{"127.0.0.1:8940"} }, "http.listen"},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1"} }, "no port"},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1:1/path"} }, "more than HOST:PORT"},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1:1?topics=#"} }, "%23"},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1:1?topic=a"} }, `"topic" is not known`},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1:1?topics=a..b"} }, "empty word"},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1:1?cert=x&key=y"} }, "not https"},
		{func(c *Config) { c.Listen = []string{"https://127.0.0.1:1?cert=x"} }, "needs cert=FILE and key=FILE"},
		{func(c *Config) { c.Listen = []string{"https://127.0.0.1:1?cert=x&cert=z&key=y"} }, "cert twice"},
		{func(c *Config) { c.Listen = []string{"unix:///x"} }, "http.socket"},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1:1?mode=0600"} }, `"mode" is not known`},
		{func(c *Config) { c.Listen = []string{"http://127.0.0.1:1?replaying=yes"} }, `replaying is allow or is left out, not "yes"`},
		{func(c *Config) { c.Socket = "unix:///x?replaying=allow" }, `"replaying" is not known`},
		{func(c *Config) { c.Socket = "relative" }, "http.socket"},
		{func(c *Config) { c.Socket = "unix://host/x" }, "http.socket"},
		{func(c *Config) { c.Socket = "unix:///x?mode=888" }, "octal"},
		{func(c *Config) { c.Socket = "unix:///x?mode=04777" }, "octal"},
		{func(c *Config) { c.Socket = "unix:///x?cert=a" }, `"cert" is not known`},
		{func(c *Config) { c.AllowedHosts = []string{"https://a"} }, "http.allowed_hosts"},
		{func(c *Config) { c.AllowedHosts = []string{"*.example.org"} }, "http.allowed_hosts"},
		{func(c *Config) { c.AllowedOrigins = []string{"https://a/"} }, "http.allowed_origins"},
		{func(c *Config) { c.AllowedOrigins = []string{"*"} }, "http.allowed_origins"},
		{func(c *Config) { c.MaxConnections = 0 }, "http.max_connections must"},
		{func(c *Config) { c.HeaderTimeout = -1 }, "http.header_timeout must"},
	}
	for _, c := range cases {
		cfg := DefaultConfig()
		c.set(&cfg)
		err := cfg.Validate()
		if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestValidateAll: all faults are told at once.
func TestValidateAll(t *testing.T) {
	c := DefaultConfig()
	c.Listen, c.Socket, c.AllowedHosts, c.AllowedOrigins = []string{"ftp://a", "gopher://b"}, "relative", []string{"*"}, []string{"*"}
	c.MaxConnections, c.PublishQueue, c.Stream.Max, c.Stream.Heartbeat = 0, -1, 0, 0
	err := c.Validate()
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		"ftp://a", "gopher://b", "http.socket", "http.allowed_hosts", "http.allowed_origins",
		"http.max_connections ", "http.publish_queue", "http.stream.max ", "http.stream.heartbeat ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in:\n%v", want, err)
		}
	}
}

// TestEndpointScope holds who may read where nothing is said.
func TestEndpointScope(t *testing.T) {
	for uri, want := range map[string]int{
		"http://127.0.0.1:1": 1, "http://[::1]:1": 1, "http://localhost:1": 1, "http://127.9.9.9:1": 1,
		"http://0.0.0.0:1": 0, "http://[::]:1": 0, "http://*:1": 0, "http://example.org:1": 0, "http://:1": 0,
		"http://127.0.0.1:1?topics=": 0, "http://*:1?topics=a.b,c&topics=d": 3,
	} {
		e, err := parseEndpoint(uri)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
		} else if len(e.read) != want {
			t.Errorf("%s: scope %v", uri, e.read)
		}
	}
}
