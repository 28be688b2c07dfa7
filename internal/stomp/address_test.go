package stomp

import (
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// TestAddresses holds what is refused before anything is opened, and the words it is refused with.
func TestAddresses(t *testing.T) {
	t.Parallel()
	credentials := secret(t, "ralph:x")
	for _, c := range []struct{ kind, address, want string }{
		{"sink", "stomp://localhost", ""},
		{"sink", "stomp://127.0.0.1:61613/?destination=/topic/VirtualTopic.{topic}&format=body&as=text&persistent=no&heartbeat=0s", ""},
		{"sink", "stomp+tls://broker.example.org/vhost?destination=/queue/all", ""},
		{"sink", "stomp://broker.example.org/", "go to another machine without encryption; write stomp+tls://"},
		{"sink", "stomp://broker.example.org/?insecure_plain_stomp=yes", ""},
		{"sink", "stomp://ralph:secret@localhost/", "has a password in it"},
		{"sink", "stomp://localhost/?destination=", "destination is a destination such as"},
		{"sink", "stomp://localhost/?destination=/topic/{topic}/{topic}", "at most once"},
		{"sink", "stomp://localhost/?destination=/topic/%0a{topic}", "destination is a destination such as"},
		{"sink", "stomp://localhost/?format=xml", "format is one of envelope, body"},
		{"sink", "stomp://localhost/?as=map", "as is one of bytes, text"},
		{"sink", "stomp://localhost/?persistent=1", "persistent is yes or no"},
		{"sink", "stomp://localhost/?heartbeat=soon", "heartbeat is a time"},
		{"sink", "stomp://localhost/?selector=x", `the option "selector", which is not known`},
		{"source", "stomp://localhost/?destination=/queue/Consumer.site.VirtualTopic.eng.%3E&selector=CI_TYPE='x'&ack=client-individual", ""},
		{"source", "stomp://localhost/?destination=/topic/a&durable=site&topic=/topic/VirtualTopic.{topic}&prefix=org.redhat", ""},
		{"source", "stomp://localhost/", "needs its destination"},
		{"source", "stomp://localhost/?destination=/queue/a&ack=auto", "ack is one of client-individual"},
		{"source", "stomp://localhost/?destination=/queue/a&durable=x", "a queue keeps it anyway"},
		{"source", "stomp://localhost/?destination=/queue/a&topic=/topic/x", "topic has no {topic} in it"},
		{"source", "stomp://localhost/?destination=/queue/a&selector=%00", "no control characters"},
	} {
		var err error
		if c.kind == "sink" {
			_, err = NewSink(deliver.Config{Name: "x", To: c.address, Credentials: credentials}, quiet())
		} else {
			_, err = NewSource(receive.Config{Name: "x", From: c.address, Credentials: credentials}, quiet())
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %s: %v, want %q", c.kind, c.address, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error has the password: %s", c.address, err)
		}
	}
	if _, err := NewSink(deliver.Config{Name: "x", To: "stomp://localhost", CA: "/ca.pem"}, quiet()); err == nil {
		t.Error("an authority is taken where there is no TLS")
	}
}

// TestPlaces takes topics to destinations and back.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		template, prefix, topic, destination string
		exact                                bool
	}{
		{"", "", "org.x.y", "/topic/org.x.y", true},
		{"/topic/VirtualTopic.{topic}", "", "org.x", "/topic/VirtualTopic.org.x", true},
		{"/exchange/amq.topic/{topic}", "", "org.x", "/exchange/amq.topic/org.x", true},
		{"/topic/{topic}", "org.redhat", "org.redhat.eng.x", "/topic/eng.x", true},
		{"/topic/{topic}", "org.redhat.", "org.redhat.eng.x", "/topic/eng.x", true},
		{"/topic/{topic}", "org.redhat", "org.redhatter.x", "/topic/org.redhatter.x", false},
		{"/queue/all", "", "org.x", "/queue/all", false},
		{"", "", "org.>", "/topic/org._", false},
		{"", "", "a,/topic/b", "/topic/a__topic_b", false},
		{"", "", "a*#?%2f b", "/topic/a____2f_b", false},
		{"", "", "naïve.é😀", "/topic/naïve.é😀", true},
	} {
		options := []string{"destination=" + c.template, "prefix=" + c.prefix}
		if c.template == "" {
			options = options[1:]
		}
		e, err := remote.Parse("stomp://localhost/?"+strings.Join(options, "&"), []string{"stomp"}, []string{"destination", "prefix"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := parsePlaces(e, "destination")
		if err != nil {
			t.Fatal(err)
		}
		destination, exact := p.out(c.topic)
		if destination != c.destination || exact != c.exact {
			t.Errorf("%+v: %q, %t", c, destination, exact)
		}
		if topic, ok := p.in(destination); exact && (!ok || topic != c.topic) {
			t.Errorf("%q comes back as %q, %t", c.topic, topic, ok)
		}
	}
}

// TestHarmless holds that the list is in the order in which it is searched, and what passes it.
func TestHarmless(t *testing.T) {
	t.Parallel()
	list := commands()
	if !slices.IsSorted(list) {
		t.Error("the list is not sorted")
	}
	for name, want := range map[string]bool{
		"CI_TYPE": true, "esbMessageType": true, "correlation-id": true, "type": true, "id": true, "grüße": true,
		"destination": false, "Destination": false, "receipt": false, "content-length": false, "expires": false, "user-id": false,
		"transformation": false, "AMQ_SCHEDULED_DELAY": false, "JMSXGroupID": false, "x-queue-name": false, "fedmsg-head": false, "": false, "a\nb": false,
		"CC": false, "bcc": false, "BCC": false, "X-Delay": false,
	} {
		if harmless(name, list) != want {
			t.Errorf("%q is harmless: %t", name, !want)
		}
	}
}
