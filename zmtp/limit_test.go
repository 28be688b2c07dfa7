package zmtp

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// TestLimits: each limit ends the connection as soon as it is seen, behind the messages that came before.
func TestLimits(t *testing.T) {
	t.Parallel()
	o := Options{MaxMessage: 300, MaxFrames: 3}
	for name, c := range map[string]struct {
		send []string
		want string // of the error; empty if it is a message
	}{
		"a message as big as may be":  {[]string{"02 000000000000012c", "'" + strings.Repeat("x", 300)}, ""},
		"in frames":                   {[]string{"01 01 61 01 00 02 000000000000012b", "'" + strings.Repeat("x", 299)}, ""},
		"too big":                     {[]string{"02 000000000000012d"}, "more than 300 bytes"},
		"too big in frames":           {[]string{"01 01 61 01 00 02 000000000000012c"}, "more than 300 bytes"},
		"2^63":                        {[]string{"02 8000000000000000"}, "more than 300 bytes"},
		"2^64-1":                      {[]string{"03 ffffffffffffffff"}, "more than 300 bytes"},
		"a big command":               {[]string{"06 000000000000012d"}, "more than 300 bytes"},
		"too many frames":             {[]string{"01 00 01 00 01 00 00 00"}, "more than 3 frames"},
		"reserved flags":              {[]string{"08 00"}, "flags 0x08"},
		"a command with more":         {[]string{"05 02 01 61"}, "flags 0x05"},
		"a command without a name":    {[]string{"04 00"}, "has no name"},
		"a short PING":                {[]string{"04 06 04", "'PING", "00"}, "a PING of 1 bytes"},
		"an error":                    {[]string{"04 0a 05", "'ERROR", "03", "'bad"}, `refused: the peer says "bad"`},
		"an error of a wrong length":  {[]string{"04 0a 05", "'ERROR", "04", "'bad"}, "ERROR without a reason"},
		"an error that says nothing":  {[]string{"04 06 05", "'ERROR"}, "ERROR without a reason"},
		"an unknown command":          {[]string{"04 06 05", "'HELLO", "00 01 78"}, ""},
		"a command between frames":    {[]string{"01 01 78 04 06 05", "'HELLO", "00 01 78"}, ""},
		"a READY behind the greeting": {[]string{"04 06 05", "'READY", "00 01 78"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn, f := fakeShaken(t, "01", o)
				go f.send(append([]string{"00 05", "'first"}, c.send...)...)
				batch := make([]Incoming, 0, 10)
				var got []Incoming
				var err error
				want := 2
				if c.want != "" {
					want = 1
				}
				for len(got) < want && err == nil {
					batch, err = conn.Receive(batch[:0])
					got = append(got, batch...)
				}
				if err != nil || len(got) != want || string(got[0].Message[0]) != "first" {
					t.Fatalf("received %d messages, %v", len(got), err)
				}
				if c.want == "" {
					return
				}
				for range 2 {
					_, err = conn.Receive(nil)
					if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrRefused) {
						t.Errorf("the error is %v, want %q in it", err, c.want)
					}
				}
				if n := cap(conn.in.buf); n > trustedChunk {
					t.Errorf("%d bytes are held", n)
				}
			})
		})
	}
}

// TestClaimsCostNothing: memory is made as bytes come, and not as they are claimed.
func TestClaimsCostNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, f := fakeShaken(t, "01", Options{MaxMessage: 1 << 30})
		ended := receiving(conn)
		f.send("02 0000000040000000")
		sent := 0
		for sent < 100_000 {
			f.nc.Write(make([]byte, 100))
			sent += 100
			synctest.Wait()
			if n := cap(conn.in.buf); n > max(trustedChunk, 2*sent+minChunk) {
				t.Fatalf("%d bytes are held when %d came", n, sent)
			}
		}
		conn.Close()
		<-ended
	})
}

// TestReceivedMessagesStay: a message is the receiver's, whatever comes behind it.
func TestReceivedMessagesStay(t *testing.T) {
	t.Parallel()
	a, b := pair(t, PUSH, PULL, Options{}, Options{})
	const count = 3000
	go func() {
		var encoded []byte
		for i := range count {
			encoded = AppendMessage(encoded[:0], bytes.Repeat([]byte{byte(i)}, i%700), []byte{byte(i)}, nil)
			if err := a.Write(encoded); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	var all []Message
	batch := make([]Incoming, 0, 7)
	for len(all) < count {
		got, err := b.Receive(batch[:0])
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 7 {
			t.Fatalf("%d messages came where there was room for 7", len(got))
		}
		for _, in := range got {
			all = append(all, in.Message)
		}
	}
	for i, m := range all {
		if len(m) != 3 || !bytes.Equal(m[0], bytes.Repeat([]byte{byte(i)}, i%700)) || !bytes.Equal(m[1], []byte{byte(i)}) || len(m[2]) != 0 {
			t.Fatalf("message %d is %q", i, m)
		}
		// To append to what is one's own changes nothing that is somebody else's.
		_ = append(m, []byte("more"))
		for _, f := range m {
			_ = append(f, "more"...)
		}
	}
}
