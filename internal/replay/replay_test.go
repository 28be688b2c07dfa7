package replay_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
)

// TestParse has what x08 does not: the corners of values, and what the old server died of.
func TestParse(t *testing.T) {
	many := `{"seq_ids":[` + strings.Repeat("1,", 999_999) + `1]}`
	cases := []struct {
		in   string
		want replay.Query
		err  string
	}{
		{in: `{"seq_ids":[3,"1",2.0,1,null,"x",-4,0,2.5]}`, want: replay.Query{Seqs: []uint64{1, 2, 3}}},
		{in: `{"seq_ids":[[1]]}`, err: `Something went wrong when processing the field "seq_ids"`},
		{in: `{"seq_id":{}}`, err: `Something went wrong when processing the field "seq_id"`},
		{in: `{"seq_id":null}`},
		{in: `{"seq_id_range":[2,4]}`, want: replay.Query{Range: replay.Range{From: 2, To: 4}}},
		{in: `{"seq_id_range":[-1,4]}`, want: replay.Query{Range: replay.Range{From: 1, To: 4}}},
		{in: `{"seq_id_range":["2",null]}`, err: `Something went wrong when processing the field "seq_id_range"`},
		{in: `{"seq_id_range":[1,2,3]}`, err: `Ill-format "sed_id_range" field`},
		{in: `{"msg_ids":["b","a","b"]}`, want: replay.Query{IDs: []string{"a", "b"}}},
		{in: `{"msg_ids":"b"}`, err: `Something went wrong when processing the field "msg_ids"`},
		{in: `{"msg_id":[]}`, err: `Something went wrong when processing the field "msg_id"`},
		{in: `{"time":[1.5,2]}`, want: replay.Query{Time: replay.Span{From: time.UnixMicro(1500000).UTC(), To: time.Unix(2, 0).UTC()}}},
		{in: `{"time":null}`, err: `Ill-format "time" field`},
		{in: `{"time":[0,1e300]}`, err: `Something went wrong when processing the field "time"`},
		{in: `{}`, want: replay.Query{All: true}},
		{in: `{"seq_id":[],"seq_id":2}`, want: replay.Query{Seqs: []uint64{2}}},
		{in: `{"bogus":1,"seq_id":[]}`, err: `Unsupported field: "key"`},
		{in: `{"seq_id":[],"bogus":1}`, err: `Something went wrong when processing the field "seq_id"`},
		{in: `[1]`, err: "The query is not a JSON object"},
		{in: `not json`, err: "The query is not a JSON object"},
		{in: ``, err: "The query is not a JSON object"},
		{in: `{"seq_id":1}x`, err: "The query is not a JSON object"},
		{in: `{"seq_id":1`, err: "The query is not a JSON object"},
		{in: `{"seq_id" 1}`, err: "The query is not a JSON object"},
		{in: many, err: "The query is longer than 1048576 bytes"},
		{in: `{"seq_ids":[` + strings.Repeat("1,", 10_000) + `1]}`, err: string(replay.ErrTooMany)},
	}
	for _, c := range cases {
		name := c.in[:min(len(c.in), 40)]
		q, err := replay.ParseQuery([]byte(c.in))
		if c.err != "" {
			if _, ok := err.(replay.Error); !ok || err.Error() != c.err {
				t.Errorf("%s: error %v, want %s", name, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(q, c.want) {
			t.Errorf("%s: got %+v, %v; want %+v", name, q, err, c.want)
		}
	}
}

// TestAppendQuery holds that what a client writes is what the server reads, and never asks for everything by accident.
func TestAppendQuery(t *testing.T) {
	cases := []struct {
		q    replay.Query
		want string
	}{
		{replay.Query{}, `{"seq_ids":[]}`},
		{replay.Query{All: true}, `{}`},
		{replay.Query{Seqs: []uint64{1, 3}}, `{"seq_ids":[1,3]}`},
		{replay.Query{Range: replay.Range{From: 2, To: 4}}, `{"seq_id_range":[2,4]}`},
		{replay.Query{IDs: []string{`a"b`}}, `{"msg_ids":["a\"b"]}`},
		{replay.Query{Time: replay.Span{From: time.Unix(1, 0).UTC(), To: time.UnixMicro(2500000).UTC()}}, `{"time":[1,2.500000]}`},
		{replay.Query{Seqs: []uint64{9}, IDs: []string{"x"}}, `{"seq_ids":[9],"msg_ids":["x"]}`},
	}
	for _, c := range cases {
		got := replay.AppendQuery([]byte("x"), &c.q)
		if string(got) != "x"+c.want {
			t.Errorf("got %s, want x%s", got, c.want)
			continue
		}
		back, err := replay.ParseQuery(got[1:])
		if err != nil || !reflect.DeepEqual(back, c.q) {
			t.Errorf("%s came back as %+v, %v", got, back, err)
		}
	}
}

// TestMatch looks at the edges.
func TestMatch(t *testing.T) {
	q := replay.Query{Seqs: []uint64{7}, Range: replay.Range{From: 2, To: 4}, IDs: []string{"a"}, Time: replay.Span{From: time.Unix(10, 0), To: time.Unix(20, 0)}}
	var got []string
	for seq := range uint64(9) {
		if q.Match(seq, "", time.Time{}) {
			got = append(got, fmt.Sprint(seq))
		}
	}
	for sec := range int64(30) {
		if q.Match(0, "", time.Unix(sec, 0)) && (sec == 10 || sec == 20 || sec == 9 || sec == 21) {
			got = append(got, fmt.Sprint("t", sec))
		}
	}
	if q.Match(0, "a", time.Time{}) {
		got = append(got, "a")
	}
	if want := "2 3 4 7 t10 t20 a"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if none := (replay.Query{}); none.Match(0, "", time.Time{}) || none.Match(1, "a", time.Unix(1, 0)) {
		t.Error("the zero query matches")
	}
}

// TestAnswerRefusals reads what is no answer.
func TestAnswerRefusals(t *testing.T) {
	cases := []struct {
		frames [][]byte
		want   error
	}{
		{nil, replay.ErrNotAnswer},
		{[][]byte{{}}, replay.ErrNotAnswer},
		{[][]byte{[]byte("[1]")}, replay.ErrNotAnswer},
		{[][]byte{[]byte("{}"), []byte("error: 'x'")}, replay.ErrNotAnswer},
		{[][]byte{[]byte("error: 'x'")}, replay.Error("x")},
		{[][]byte{append([]byte("error: '"), bytes.Repeat([]byte("\xff"), 1000)...)}, replay.Error("?")},
	}
	for _, c := range cases {
		if _, err := replay.Answer(c.frames); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.frames, err, c.want)
		}
	}
	if got := string(replay.AppendError(nil, errors.New("disk /secret"))); got != "error: 'The query cannot be answered now'" {
		t.Errorf("the inside is shown: %s", got)
	}
}
