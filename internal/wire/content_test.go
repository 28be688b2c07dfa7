package wire

import "testing"

func TestSameContent(t *testing.T) {
	const base = `{"i":1,"msg":{"a":1,"b":[2]},"msg_id":"x","timestamp":1,"topic":"a.b","username":"u"}`
	for _, test := range []struct {
		name        string
		other       string
		whole, made bool // whether it is the same as base, as a ready-made envelope and as one that the node made
	}{
		{"itself", base, true, true},
		{"another layout and order", `{"topic":"a.b", "username":"\u0075","i":1,"timestamp":1,"msg":{"b":[2],"a":1},"msg_id":"x"}`, true, true},
		{"signed", base[:len(base)-1] + `,"signature":"s","certificate":"c"}`, true, true},
		{"another time and counter", `{"i":2,"msg":{"a":1,"b":[2]},"msg_id":"x","timestamp":2,"topic":"a.b","username":"u"}`, false, true},
		{"stream and n", `{"i":1,"msg":{"a":1,"b":[2]},"msg_id":"x","n":1,"stream":"s","timestamp":1,"topic":"a.b","username":"u"}`, false, true},
		{"crypto", base[:len(base)-1] + `,"crypto":"x509"}`, true, true},
		{"signed in the old form", `{"certificate":"c","crypto":"x509",` + base[1:len(base)-1] + `,"signature":"s"}`, true, true},
		{"crypto inside the body", `{"i":1,"msg":{"a":1,"b":[2],"crypto":"x509"},"msg_id":"x","timestamp":1,"topic":"a.b","username":"u"}`, false, false},
		{"another body", `{"i":1,"msg":{"a":1,"b":[3]},"msg_id":"x","timestamp":1,"topic":"a.b","username":"u"}`, false, false},
		{"a float for an integer", `{"i":1,"msg":{"a":1.0,"b":[2]},"msg_id":"x","timestamp":1,"topic":"a.b","username":"u"}`, false, false},
		{"another topic", `{"i":1,"msg":{"a":1,"b":[2]},"msg_id":"x","timestamp":1,"topic":"a.c","username":"u"}`, false, false},
		{"headers", `{"headers":{"h":"v"},"i":1,"msg":{"a":1,"b":[2]},"msg_id":"x","timestamp":1,"topic":"a.b","username":"u"}`, false, false},
		{"a trace", `{"headers":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","tracestate":"a=b"},` + base[1:], false, true},
		{"a trace inside the body", `{"i":1,"msg":{"a":1,"b":[2],"traceparent":"x"},"msg_id":"x","timestamp":1,"topic":"a.b","username":"u"}`, false, false},
		{"the signature inside the body", `{"i":1,"msg":{"a":1,"b":[2],"signature":"s"},"msg_id":"x","timestamp":1,"topic":"a.b","username":"u"}`, false, false},
		{"no JSON", base[1:], false, false},
	} {
		for _, pair := range [][2]string{{base, test.other}, {test.other, base}} {
			if got := SameContent([]byte(pair[0]), []byte(pair[1]), false); got != test.whole {
				t.Errorf("%s: same as a ready-made envelope: %v", test.name, got)
			}
			if got := SameContent([]byte(pair[0]), []byte(pair[1]), true); got != test.made {
				t.Errorf("%s: same as made by the node: %v", test.name, got)
			}
		}
	}
}

// TestSameContentWithLabels holds that the labels of a publisher count beside a trace that does not.
func TestSameContentWithLabels(t *testing.T) {
	const with = `{"headers":{"h":"1","traceparent":"x"},"msg":{},"topic":"a.b"}`
	for other, want := range map[string]bool{
		`{"headers":{"traceparent":"y","tracestate":"z","h":"1"},"msg":{},"topic":"a.b"}`: true,
		`{"headers":{"h":"1"},"msg":{},"topic":"a.b"}`:                                    true,
		`{"headers":{"h":"2","traceparent":"x"},"msg":{},"topic":"a.b"}`:                  false,
		`{"headers":{"traceparent":"x"},"msg":{},"topic":"a.b"}`:                          false,
	} {
		if got := SameContent([]byte(with), []byte(other), true); got != want {
			t.Errorf("%s: the same is %v, want %v", other, got, want)
		}
		if SameContent([]byte(with), []byte(other), false) {
			t.Errorf("%s: the same as a ready-made envelope, of which the headers are part", other)
		}
	}
}

// TestSameMail holds that a mail which comes again is the same, whatever was found out each time about who signed it, and that nothing
// else of a body may differ.
func TestSameMail(t *testing.T) {
	const with = `{"msg":{"a":1,"mail":{"dkim":[{"result":"temperror"}],"openpgp":{"result":"good"},"subject":"s"}},"topic":"a.b"}`
	for other, want := range map[string]bool{
		`{"msg":{"mail":{"subject":"s","dkim":[{"result":"pass"}]},"a":1},"topic":"a.b"}`:                    true,
		`{"msg":{"mail":{"subject":"s"},"a":1},"topic":"a.b"}`:                                               true,
		`{"msg":{"mail":{"subject":"t","dkim":[{"result":"temperror"}]},"a":1},"topic":"a.b"}`:               false,
		`{"msg":{"mail":{"subject":"s"},"dkim":[],"a":1},"topic":"a.b"}`:                                     false,
		`{"msg":{"mail":{"subject":"s","x":{"dkim":1}},"a":1},"topic":"a.b"}`:                                false,
		`{"msg":{"mail":[{"subject":"s"}],"a":1},"topic":"a.b"}`:                                             false,
		`{"headers":{"mail":"x"},"msg":{"mail":{"subject":"s"},"a":1},"topic":"a.b"}`:                        false,
		`{"msg":{"a":1,"other":{"dkim":[{"result":"temperror"}],"openpgp":{},"subject":"s"}},"topic":"a.b"}`: false,
	} {
		if got := SameContent([]byte(with), []byte(other), true); got != want {
			t.Errorf("%s: the same is %v, want %v", other, got, want)
		}
		if SameContent([]byte(with), []byte(other), false) {
			t.Errorf("%s: the same as a ready-made envelope, of which all is part", other)
		}
	}
	for _, pair := range [][2]string{
		{`{"msg":{"dkim":1},"topic":"a.b"}`, `{"msg":{"dkim":2},"topic":"a.b"}`},
		{`{"msg":{"other":{"dkim":1}},"topic":"a.b"}`, `{"msg":{"other":{"dkim":2}},"topic":"a.b"}`},
		{`{"msg":{"a":{"mail":{"dkim":1}}},"topic":"a.b"}`, `{"msg":{"a":{"mail":{"dkim":2}}},"topic":"a.b"}`},
		{`{"msg":{"mail":[{"dkim":1}]},"topic":"a.b"}`, `{"msg":{"mail":[{"dkim":2}]},"topic":"a.b"}`},
	} {
		if SameContent([]byte(pair[0]), []byte(pair[1]), true) {
			t.Errorf("%s is the same as %s", pair[0], pair[1])
		}
	}
}

func TestSelectionLeavesOut(t *testing.T) {
	for _, in := range []string{
		`{"certificate":1,"m":2,"signature":3}`, `{"signature":3,"m":2,"certificate":1}`, `{"m":2,"signature":3,"certificate":1}`,
		`{"signature":3,"certificate":1,"m":2}`, `{"m":2}`,
	} {
		if got, err := appendCanonical(nil, []byte(in), unsignedMembers); err != nil || string(got) != `{"m":2}` {
			t.Errorf("%s: gave %s (%v)", in, got, err)
		}
	}
	if got, err := appendCanonical(nil, []byte(`{"signature":3,"certificate":1}`), unsignedMembers); err != nil || string(got) != `{}` {
		t.Errorf("gave %s (%v)", got, err)
	}
	if _, err := appendCanonical(nil, []byte(`{"signature":3,"a":1,"signature":1}`), unsignedMembers); err == nil {
		t.Error("accepted two signatures")
	}
}
