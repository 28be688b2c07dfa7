package stomp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	gostomp "github.com/go-stomp/stomp/v3/frame"
	"pgregory.net/rapid"
)

func readerOf(data string, maxBody int) *reader {
	return &reader{r: bufio.NewReaderSize(strings.NewReader(data), 64), maxBody: maxBody}
}

// TestFramesOfAnotherMake reads what another library writes and has it read what is written here.
func TestFramesOfAnotherMake(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching("[a-zé😀:\\\\\r\n\"{} ]{0,90}")
		names := rapid.SliceOfNDistinct(rapid.StringMatching("x[a-z:\\\\]{0,70}"), 0, 5, rapid.ID).Draw(t, "names")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		theirs := gostomp.New("MESSAGE", "content-length", fmtInt(len(body)))
		mine := appendHeader([]byte("MESSAGE\n"), "content-length", fmtInt(len(body)))
		for _, n := range names {
			v := text.Draw(t, "value")
			theirs.Header.Add(n, v)
			mine = appendHeader(mine, n, v)
		}
		theirs.Body = body
		mine = appendBody(mine, body)

		var wire bytes.Buffer
		if err := gostomp.NewWriter(&wire).Write(theirs); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(wire.Bytes(), mine) {
			t.Fatalf("written\n%q, by another library\n%q", mine, wire.Bytes())
		}
		r := readerOf("\n\r\n"+wire.String()+"\n", 1<<20)
		got, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if got.command != "MESSAGE" || !bytes.Equal(got.body, body) || len(got.headers) != theirs.Header.Len() {
			t.Fatalf("read %+v of %q", got, wire.Bytes())
		}
		for i, h := range got.headers {
			if n, v := theirs.Header.GetAt(i); n != h.name || v != h.value {
				t.Fatalf("header %d is %q %q, want %q %q", i, h.name, h.value, n, v)
			}
		}
		if f, err := r.next(); err != io.EOF {
			t.Fatalf("behind the last frame came %v, %v", f, err)
		}
	})
}

func fmtInt(n int) string { return strconv.Itoa(n) }

// TestFramesAtTheirLimits reads what is too long, cut short or no frame.
func TestFramesAtTheirLimits(t *testing.T) {
	t.Parallel()
	const next = "RECEIPT\nreceipt-id:1\n\n\x00"
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name, data string
		dropped    int
		err        string // of the first frame; after one without the next is read
	}{
		{"a body that fits", "MESSAGE\ncontent-length:100\n\n" + long[:100] + "\x00", 0, ""},
		{"a longer one of known length", "MESSAGE\ncontent-length:300\n\n" + long + "\x00", 300, ""},
		{"a longer one of unknown length", "MESSAGE\n\n" + long + "\x00", 300, ""},
		{"one longer by one", "MESSAGE\n\n" + long[:101] + "\x00", 101, ""},
		{"lines with carriage returns", "MESSAGE\r\na:b\r\n\r\nx\x00", 0, ""},
		{"an escape that there is not", "MESSAGE\na:b\\t\\\n\nx\x00", 0, ""},
		{"a length that is none", "MESSAGE\ncontent-length:-1\n\n\x00", 0, `content-length "-1"`},
		{"a body longer than it says", "MESSAGE\ncontent-length:1\n\nxx\x00", 0, "does not end"},
		{"a header without colon", "MESSAGE\nabc\n\n\x00", 0, "without a colon"},
		{"another protocol", "INFO {\"a\":\"\x1b\xff" + long + "\n", 0, `"INFO {\"a\":\"  ` + long[:80-13] + `…" begins no frame of STOMP; look whether`},
		{"too many headers", "MESSAGE\n" + strings.Repeat("a:b\n", 1001) + "\n\x00", 0, "too long"},
		{"headers without end", "MESSAGE\na:" + strings.Repeat(long, 8000), 0, "too long"},
		{"an end in the headers", "MESSAGE\na:b\n", 0, "unexpected EOF"},
		{"an end in the body", "MESSAGE\ncontent-length:3\n\nx", 0, "unexpected EOF"},
		{"an end in a body of unknown length", "MESSAGE\n\nx", 0, "unexpected EOF"},
	} {
		data := c.data
		if c.err == "" {
			data += "\n" + next
		}
		r := readerOf(data, 100)
		f, err := r.next()
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || f.dropped != c.dropped || c.dropped > 0 && f.body != nil {
			t.Errorf("%s: %+v, %v", c.name, f, err)
			continue
		}
		if f, err := r.next(); err != nil || f.get("receipt-id") != "1" {
			t.Errorf("%s: behind it came %+v, %v", c.name, f, err)
		}
	}
}

// TestWaiting tells a frame that is there from one that is on its way.
func TestWaiting(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	r := &reader{r: bufio.NewReader(in), maxBody: 100}
	go out.Write([]byte("MESSAGE\n\na\x00\nMESSAGE\n\nb\x00\nMESSAGE\n\n"))
	for _, want := range []bool{true, false} {
		if _, err := r.next(); err != nil {
			t.Fatal(err)
		}
		if r.waiting() != want {
			t.Errorf("waiting is %t, want %t", !want, want)
		}
	}
	in.Close()
	if _, err := r.next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}
