package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestTopCounts holds the rates of topics, their order, and the bound on how many are told apart.
func TestTopCounts(t *testing.T) {
	n := newTally()
	for i, topic := range []string{"a", "b", "b", "c", "c", "c"} {
		n.add(&fedmsg.Entry{Topic: topic, Received: time.Unix(int64(i), 0)})
	}
	v := &view{}
	v.count(n.take(), 2*time.Second)
	var got strings.Builder
	for _, c := range v.Topics {
		fmt.Fprintf(&got, "%s %.1f %d at %d;", c.Topic, c.Rate, c.Total, c.Last.Unix())
	}
	if want := "c 1.5 3 at 5;b 1.0 2 at 2;a 0.5 1 at 0;"; got.String() != want || v.Rate != 3 {
		t.Errorf("counted %s at %.1f, want %s at 3", got.String(), v.Rate, want)
	}
	n.add(&fedmsg.Entry{Topic: "a"})
	v = &view{}
	if v.count(n.take(), time.Second); v.Topics[0].Topic != "a" || v.Topics[0].Total != 2 || v.Rate != 1 {
		t.Errorf("in the next interval: %+v", v.Topics)
	}
	for i := range maxTopics + 10 {
		n.add(&fedmsg.Entry{Topic: fmt.Sprint("t", i)})
	}
	all := n.take().topics
	if len(all) != maxTopics+1 || all[0].Topic != otherTopics || all[0].Total != 13 {
		t.Errorf("of many topics %d are told apart, the busiest %+v", len(all), all[0])
	}
}

// TestTopIsHarmless holds that text from messages and other sides cannot command a terminal, and that the picture fits it.
func TestTopIsHarmless(t *testing.T) {
	v := &view{
		Topics: []topicCount{{Topic: "evil\x1b[2J"}, {Topic: "second"}, {Topic: "third"}},
		Sinks:  []deliver.Status{{Name: "s", To: "amqp://x\x1b]0;y\a"}}, Notes: []string{"note\x1b[1m"},
	}
	text := v.text(2)
	if strings.ContainsAny(text, "\x1b\a") || !strings.Contains(text, `evil\x1b[2J`) {
		t.Errorf("%q", text)
	}
	if strings.Contains(text, "third") || !strings.Contains(text, "1 topics more") {
		t.Errorf("--rows is not held: %s", text)
	}
	lines := strings.Split(strings.TrimSpace(fit(text, 10, 5)), "\r\n")
	if len(lines) != 4 {
		t.Errorf("%d lines on a terminal of 5 rows", len(lines))
	}
	for _, line := range lines {
		if plain, ended := strings.CutSuffix(line, "\x1b[K"); !ended || len([]rune(plain)) > 10 {
			t.Errorf("a line is %q", line)
		}
	}
}
