package wire

import (
	"testing"
	"time"
)

func TestSeqID(t *testing.T) {
	for _, test := range []struct {
		in    string
		n     uint64
		there bool
	}{
		{`{"topic":"a","msg":{"seq_id":5},"headers":{"seq_id":"6"}}`, 0, false},
		{`{"msg":NaN,"seq_id":7,"topic":"\ud800"}`, 7, true},
		{`{"msg":{"a":[{"seq_id":5}]},"s\u0065q_id": 18446744073709551615 }`, 1<<64 - 1, true},
		{`{"seq_id":18446744073709551616}`, 0, true},
		{`{"seq_id":"7"}`, 0, true},
		{`{"seq_id":7.0}`, 0, true},
		{`{"seq_id":-7}`, 0, true},
		{`{"seq_id":null}`, 0, true},
		{`{}`, 0, false},
		{``, 0, false},
		{`[1]`, 0, false},
		{`{"seq_id"`, 0, false},
	} {
		if n, there := SeqID([]byte(test.in)); n != test.n || there != test.there {
			t.Errorf("%s: %d %v", test.in, n, there)
		}
	}
}

func TestTimeOf(t *testing.T) {
	for in, want := range map[string]time.Time{
		`{"msg":{"timestamp":5},"timestamp":1700000000,"topic":"a"}`: time.Unix(1700000000, 0).UTC(),
		`{"timestamp":1.5,"msg":NaN}`:                                time.Unix(1, 5e8).UTC(),
		`{"timestamp":"1"}`:                                          {},
		`{"timestamp":null}`:                                         {},
		`{"msg":{"timestamp":5}}`:                                    {},
		`[1]`:                                                        {},
	} {
		if at, ok := TimeOf([]byte(in)); ok == want.IsZero() || !at.Equal(want) {
			t.Errorf("%s: %v %v", in, at, ok)
		}
	}
}
