package deliver

import (
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

func TestValidate(t *testing.T) {
	good := func() Config { return config(t, "rabbit-1_A") }
	for _, c := range []struct {
		want   string
		change func(*Config)
	}{
		{"", func(*Config) {}},
		{"", func(c *Config) { c.To, c.Command = "", []string{"logger"} }},
		{"", func(c *Config) { c.Start = "k3v5q2m7x4ab-5" }},
		{"", func(c *Config) { c.RetryFirst = time.Minute }},
		{"", func(c *Config) {
			c.Where, c.Senders, c.Signers = `msg.severity == "serious"`, []string{"uid:1000"}, []string{"example/host"}
		}},
		{"name must be set", func(c *Config) { c.Name = "" }},
		{"name must be set", func(c *Config) { c.Name = "../x" }},
		{"name must be set", func(c *Config) { c.Name = strings.Repeat("x", 65) }},
		{"to says where", func(c *Config) { c.To = "" }},
		{"both set", func(c *Config) { c.Command = []string{"logger"} }},
		{"is empty", func(c *Config) { c.To, c.Command = "", []string{""} }},
		{"topics says", func(c *Config) { c.Topics = nil }},
		{"start is", func(c *Config) { c.Start = "yesterday" }},
		{"no sender", func(c *Config) { c.Senders = []string{"nobody"} }},
		{"no signer", func(c *Config) { c.Signers = []string{"/x"} }},
		{"where expression", func(c *Config) { c.Where = "msg.(" }},
		{"in_flight is", func(c *Config) { c.InFlight = -1 }},
		{"in_flight is", func(c *Config) { c.InFlight = 1 << 30 }},
		{"attempts is", func(c *Config) { c.Attempts = -1 }},
		{"dead_letters is", func(c *Config) { c.DeadLetters = -1 }},
		{"max_age is", func(c *Config) { c.MaxAge = -1 }},
		{"idle_timeout is", func(c *Config) { c.IdleTimeout = -1 }},
		{"longer than retry_max", func(c *Config) { c.RetryFirst, c.RetryMax = time.Minute, time.Second }},
		{"go together", func(c *Config) { c.Certificate = "x.pem" }},
	} {
		cfg := good()
		c.change(&cfg)
		err := cfg.Validate()
		if c.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "sink ") || fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%v, want %q in it", err, c.want)
		}
	}
	bad := Config{Name: "x", Where: "(", Senders: []string{"y"}}
	if n := len(strings.Split(bad.Validate().Error(), "sink x: ")) - 1; n != 4 {
		t.Errorf("%d faults are told: %v", n, bad.Validate())
	}
}

func TestDefaults(t *testing.T) {
	kind := Configured{InFlight: 1024, IdleTimeout: time.Minute, AnswerTimeout: time.Hour}
	c := kind.withDefaults()
	if c.InFlight != 1024 || c.IdleTimeout != time.Minute || c.AnswerTimeout != time.Hour || c.Attempts != 10 || c.RetryMax != 30*time.Second {
		t.Errorf("%+v", c)
	}
	kind.Config = Config{InFlight: 1, IdleTimeout: 2, AnswerTimeout: 3, Attempts: 4, RetryFirst: time.Hour}
	c = kind.withDefaults()
	if c.InFlight != 1 || c.IdleTimeout != 2 || c.AnswerTimeout != 3 || c.Attempts != 4 || c.RetryMax != time.Hour {
		t.Errorf("%+v", c)
	}
}

func TestDestinationForPeople(t *testing.T) {
	for _, c := range []struct{ to, want string }{
		{"amqp://user@mq.example.org:5672/v?exchange=x", "amqp://mq.example.org:5672/v"},
		{"https://token@node.example.org", "https://node.example.org"},
		{"unix:///run/fedmsg/fedmsg.sock", "unix:///run/fedmsg/fedmsg.sock"},
		{"nonsense", "nonsense"},
	} {
		if got := (&Config{To: c.to}).destination(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if got := (&Config{Command: []string{"/usr/bin/logger", "-t", "secret"}}).destination(); got != "logger" {
		t.Errorf("%q", got)
	}
}
