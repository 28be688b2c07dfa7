package tracecontext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// TestParent holds which values of traceparent are well formed, as the standard has them.
func TestParent(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		parent:                                 true,
		" " + parent + "\t":                    true,
		parent + "-x":                          false, // version 00 has no more
		"01" + parent[2:]:                      true,
		"cc" + parent[2:] + "-what.comes=next": true,
		"cc" + parent[2:] + "x":                false,
		"cc" + parent[2:] + "-a b":             false,
		"ff" + parent[2:]:                      false,
		strings.ToUpper(parent):                false,
		"":                                     false, parent[:54]: false, parent[1:]: false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01": false,
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x": false,
		"01" + parent[2:] + "-" + strings.Repeat("x", 300):        false,
	} {
		c := tracecontext.New(value, "a=b")
		if got := !c.IsZero(); got != want || got != (c.State != "") || got && c.Parent != strings.TrimSpace(value) {
			t.Errorf("%q gave %+v, want it taken: %v", value, c, want)
		}
	}
}

// TestState holds which values of tracestate are well formed, and what is made of several.
func TestState(t *testing.T) {
	t.Parallel()
	many := ""
	for i := range 33 {
		many += string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=v,"
	}
	for _, c := range []struct {
		in   []string
		want string
	}{
		{[]string{"congo=t61rcWkgMzE"}, "congo=t61rcWkgMzE"},
		{[]string{"rojo=00f067aa0ba902b7, congo=t61rcWkgMzE ,"}, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
		{[]string{"a=1", "", "b=2"}, "a=1,b=2"},
		{[]string{`0t@sys/x-y_z*=a "q" \`}, `0t@sys/x-y_z*=a "q" \`},
		{[]string{"a=1", "a=2"}, ""},
		{[]string{"A=1"}, ""}, {[]string{"a"}, ""}, {[]string{"a="}, ""}, {[]string{"=1"}, ""}, {[]string{"a=b=c"}, ""},
		{[]string{"a=\x01"}, ""}, {[]string{"a=é"}, ""}, {[]string{"-a=1"}, ""}, {[]string{"a b=1"}, ""},
		{[]string{strings.Repeat("k", 257) + "=v"}, ""}, {[]string{"k=" + strings.Repeat("v", 257)}, ""},
		{[]string{many[:5*32]}, many[:5*32-1]}, {[]string{many}, ""},
		{[]string{"a=" + strings.Repeat("v", 250), "b=" + strings.Repeat("v", 250), "c=123456"}, ""},
	} {
		if got := tracecontext.New(parent, c.in...); got.State != c.want || got.Parent != parent {
			t.Errorf("%q gave %q, want %q", c.in, got.State, c.want)
		}
	}
	if got := tracecontext.New("nonsense", "a=1"); got.State != "" {
		t.Errorf("a state without a parent is kept: %+v", got)
	}
}

// TestAppendTo holds that a trace comes among the headers of a message where there is room and no other trace.
func TestAppendTo(t *testing.T) {
	t.Parallel()
	c := tracecontext.New(parent, `a="\`)
	const trace = `"traceparent":"` + parent + `","tracestate":"a=\"\\"`
	for _, test := range []struct {
		in   string
		most int
		want string
	}{
		{``, 2, `{` + trace + `}`},
		{`{}`, 2, `{` + trace + `}`},
		{`{"k":"v"}`, 3, `{"k":"v",` + trace + `}`},
		{`{"k":"v"}`, 2, `{"k":"v"}`},
		{`{"traceparent":"mine"}`, 9, `{"traceparent":"mine"}`},
		{`{"\u0074racestate":"mine"}`, 9, `{"\u0074racestate":"mine"}`},
		{`{"k":"traceparent"}`, 9, `{"k":"traceparent",` + trace + `}`},
		{`{"k"`, 9, `{"k"`},
		{`[]`, 9, `[]`},
	} {
		got := c.AppendTo([]byte(test.in), test.most)
		if string(got) != test.want {
			t.Errorf("%s became %s, want %s", test.in, got, test.want)
		}
		if test.want != test.in && !json.Valid(got) {
			t.Errorf("%s is no JSON", got)
		}
	}
	if got := (tracecontext.Context{}).AppendTo([]byte(`{"k":"v"}`), 9); string(got) != `{"k":"v"}` {
		t.Errorf("no trace gave %s", got)
	}
}
