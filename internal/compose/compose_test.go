package compose

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestDraft holds what is filled in, and what the message itself says.
func TestDraft(t *testing.T) {
	o := Defaults{TopicPrefix: "org.example", Environment: "stg", Modname: "wiki", Username: "amara", Limits: fedmsg.DefaultLimits()}
	d, err := o.Draft(&fedmsg.Message{Topic: "page.edit"})
	if err != nil || d.Topic != "org.example.stg.wiki.page.edit" || d.Username != "amara" || string(d.Body) != "{}" || d.Headers != nil ||
		len(d.ID) != 41 || time.Since(time.Unix(d.Time, 0)) > time.Minute {
		t.Errorf("%+v, %v", d, err)
	}
	d, err = o.Draft(&fedmsg.Message{
		ID: "2026-x", Topic: "org.example.prod.a.b", Time: time.Unix(7, 0), Username: "bo", Headers: map[string]string{"b": "2", "a": "\""},
		Body: json.RawMessage(" {\"a\": [1, \"} \"]}\n"),
	})
	if err != nil || d.ID != "2026-x" || d.Topic != "org.example.prod.a.b" || d.Time != 7 || d.Username != "bo" ||
		string(d.Headers) != `{"a":"\"","b":"2"}` || string(d.Body) != `{"a":[1,"} "]}` {
		t.Errorf("%+v, %v", d, err)
	}
	o.Limits.Body = 9
	if _, err := o.Draft(&fedmsg.Message{Topic: "a", Body: json.RawMessage(`{"a":1234}`)}); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge {
		t.Errorf("a body over the limit: %v", err)
	}
	o.TopicPrefix = ""
	if _, err := o.Draft(&fedmsg.Message{Topic: "a..b"}); fedmsg.CodeOf(err) != fedmsg.CodeBadTopic {
		t.Errorf("a topic with an empty word: %v", err)
	}
}

// TestDraftBody holds that a body is one object and nothing beside it.
func TestDraftBody(t *testing.T) {
	o := Defaults{Limits: fedmsg.DefaultLimits()}
	for _, body := range []string{`[]`, `1`, `{},"id":"x"`, `{}{}`, `{"a":1`, `{"a":"\`, "{\"a\":\"\n\"}", `}`} {
		if d, err := o.Draft(&fedmsg.Message{Topic: "a", Body: json.RawMessage(body)}); err == nil {
			t.Errorf("%s was taken as %s", body, d.Body)
		}
	}
}

// TestBody holds what callers may hand over.
func TestBody(t *testing.T) {
	for _, c := range []struct {
		body any
		want string
	}{
		{nil, `{}`}, {json.RawMessage(`{"a":1}`), `{"a":1}`}, {[]byte(`{"b":2}`), `{"b":2}`}, {map[string]int{"c": 3}, `{"c":3}`},
	} {
		if got, err := Body(c.body); err != nil || string(got) != c.want {
			t.Errorf("%v became %s, %v", c.body, got, err)
		}
	}
	if _, err := Body(make(chan int)); fedmsg.CodeOf(err) != fedmsg.CodeBadBody {
		t.Errorf("a channel: %v", err)
	}
}

// TestUsername holds which of the variables counts.
func TestUsername(t *testing.T) {
	t.Setenv("LOGNAME", "")
	t.Setenv("USER", "user")
	if got := Username(); got != "user" {
		t.Errorf("with USER alone: %q", got)
	}
	t.Setenv("LOGNAME", "log")
	if got := Username(); got != "log" {
		t.Errorf("with both: %q", got)
	}
	t.Setenv("LOGNAME", "")
	t.Setenv("USER", "")
	if got := Username(); strings.TrimSpace(got) == "" {
		t.Error("the account has no name")
	}
}
