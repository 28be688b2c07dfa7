package sqlite

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// bus makes messages as a bus of 3,000 topics, 2,000 users and 20,000 packages brings them: few of each are in most.
type bus struct {
	r                              *rand.Rand
	topics, users, packages, words *rand.Zipf
	vocabulary                     []string
	at                             time.Time
	seq                            uint64
}

func newBus() *bus {
	r := rand.New(rand.NewPCG(1, 2))
	b := &bus{r: r, at: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.topics, b.users = rand.NewZipf(r, 1.1, 4, 2999), rand.NewZipf(r, 1.1, 4, 1999)
	b.packages, b.words = rand.NewZipf(r, 1.05, 8, 19999), rand.NewZipf(r, 1.1, 10, 49999)
	for range 50000 {
		word := make([]byte, 2+r.IntN(9))
		for i := range word {
			word[i] = byte('a' + r.IntN(26))
		}
		b.vocabulary = append(b.vocabulary, string(word))
	}
	return b
}

func (b *bus) text(n int) string {
	var t strings.Builder
	for range n {
		t.WriteString(b.vocabulary[b.words.Uint64()])
		t.WriteByte(' ')
	}
	return t.String()
}

// next makes n messages as they stand in a log.
func (b *bus) next(n int) []fedmsg.Entry {
	all := make([]fedmsg.Entry, n)
	for i := range all {
		b.seq++
		b.at = b.at.Add(time.Duration(b.r.ExpFloat64() * float64(3*time.Second)))
		topic := b.topics.Uint64()
		name := fmt.Sprintf("org.fedoraproject.prod.service%d.object%d.event%d", topic%60, topic%700, topic)
		user, pkg := b.users.Uint64(), b.packages.Uint64()
		id := fmt.Sprintf("2025-%08x-%04x-4%03x-a%03x-%012x", b.r.Uint32(), b.r.IntN(1<<16), b.r.IntN(1<<12), b.r.IntN(1<<12), b.r.Int64N(1<<48))
		var sig [64]byte
		for i := range sig {
			sig[i] = byte(b.r.Uint32())
		}
		all[i] = fedmsg.Entry{
			Position: fedmsg.Position{Log: "abcdefghijkl", Seq: b.seq}, Received: b.at, ID: id, Topic: name,
			Sender: fmt.Sprintf("uid:%d", 1000+topic%40), Signer: fmt.Sprintf("main/service%d", topic%60), Verdict: fedmsg.VerdictOK,
			Envelope: fmt.Appendf(nil, `{"headers":{"fedmsg_severity":"info"},"i":%d,"msg":{"agent":"user%d","build":%d,"build_id":%d,"comment":"%s","instance":"primary",`+
				`"name":"package%d","new":%d,"old":%d,"owner":"user%d","package":"package%d","release":"%d.fc%d","task":{"arch":"x86_64","channel":"default",`+
				`"id":%d,"method":"build","request":["git://pkgs.example.org/package%d#%016x","f%d-candidate",{}]},"update":{"karma":%d,"status":"testing","notes":"%s"},`+
				`"user":"user%d","version":"%d.%d"},"msg_id":"%s","timestamp":%d,"topic":"%s","username":"apache"}`,
				b.seq, user, b.r.IntN(1e6), b.r.IntN(1e7), b.text(12), pkg, b.r.IntN(5), b.r.IntN(5), user, pkg, b.r.IntN(20), 20+b.r.IntN(20),
				b.r.IntN(1e7), pkg, b.r.Uint64(), 20+b.r.IntN(20), b.r.IntN(7), b.text(15), user, b.r.IntN(9), b.r.IntN(30), id, b.at.Unix(), name),
			Signatures: fmt.Appendf(nil, `[{"keyid":"node-2025","sig":"%s"}]`, base64.StdEncoding.EncodeToString(sig[:])),
		}
	}
	return all
}

// BenchmarkAppend is taking in a log that the archive is far behind.
func BenchmarkAppend(b *testing.B) {
	const most = 2000
	bus, file := newBus(), b.TempDir()+"/archive.sqlite"
	s, err := Open(b.Context(), file, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var raw int64
	var used time.Duration
	b.StopTimer()
	for done := 0; done < b.N; done += most {
		entries := bus.next(min(most, b.N-done))
		b.StartTimer()
		before := processorTime(b)
		drafts := make([]archive.Draft, len(entries))
		for i := range entries {
			drafts[i] = archive.DraftOf(&entries[i])
			raw += int64(len(entries[i].Envelope))
		}
		if _, err := s.Append(b.Context(), drafts, entries[len(entries)-1].Position); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		used += processorTime(b) - before
	}
	if err := s.(*Store).checkpoint(b.Context(), "measure"); err != nil {
		b.Fatal(err)
	}
	if b.N > most {
		b.Log(sizes(b, s.(*Store), b.N))
	}
	x, err := s.Extent(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(x.Bytes)/float64(raw), "disk/raw")
	b.ReportMetric(float64(raw)/float64(b.N), "raw/row")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/row")
}

// processorTime is what the process has used: on a machine that others use too it says more than the clock.
func processorTime(tb testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sizes tells the bytes a row of each table.
func sizes(tb testing.TB, s *Store, rows int) string {
	var all strings.Builder
	err := s.read(tb.Context(), "measure", func(c *sqlite.Conn) error {
		return exec(c, "SELECT name, sum(pgsize), sum(payload), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC", func(st *sqlite.Stmt) error {
			fmt.Fprintf(&all, "%s %.1f (payload %.1f, unused %.1f), ", st.ColumnText(0), st.ColumnFloat(1)/float64(rows), st.ColumnFloat(2)/float64(rows), st.ColumnFloat(3)/float64(rows))
			return nil
		})
	})
	if err != nil {
		tb.Log(err)
	}
	return all.String()
}
