package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// questionSeeds are questions with every parameter.
func questionSeeds() [][]byte {
	return mutate.Texts(
		"topic=open.%23&prefix=open.org&limit=3", "user=ann&user=bob&package=nginx&order=oldest", "category=git&not_category=wiki&not_user=cy",
		"sender=uid:1000&signer=debian/ci&severity=info", "text=kernel+panic&not_topic=secret.%23&not_prefix=a&not_package=b",
		"where=msg.n+%3E+2+and+topic+contains+%22git%22", "since=2026-01-31T12:00:00Z&until=2026-01-31T12:00:03Z", "since=7d&until=1769860803.5",
		"id=m/1&id=m/2&count=approximate", "cursor=n1769860803000000&timeout=500ms", "order=oldest&cursor=o1769860801000000", "min_position=edgelogabcde-3",
	)
}

func questionPieces() []string {
	return []string{
		"", "&", "=", "%", "%00", "%ff", "+", "0", "9", "-", ".", "#", "%23", "*", "topic", "user", "where", "cursor", "n", "o", "limit=", "999999999999",
		"order=oldest&", "since=", "until=", "text=", "not_", "é", "\"", "(", ")", " and ", "msg.n", ";", "/", ":", "not_user=ann&",
	}
}

// TestQuestionMutations holds that whatever is sent is read as a question that the archive takes, or refused with a sentence.
func TestQuestionMutations(t *testing.T) {
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	forms := []string{"", "*/*", "application/json", ndjsonType, "text/html", "application/x-ndjson;q=0.3, */*;q=0.2", ";q=,,q"}
	n := 0
	mutate.Run(t, questionSeeds(), questionPieces(), func(text []byte) bool {
		n++
		r := &http.Request{URL: &url.URL{RawQuery: string(text)}, Header: http.Header{"Accept": {forms[n%len(forms)]}}}
		q, err := parseArchiveRequest(r, n%5 == 0, now)
		if err == nil {
			if fault := q.query.Validate(); fault != nil || q.timeout <= 0 || q.timeout > archiveTime || len(q.query.Filter.Scope) > 0 {
				t.Errorf("taken: %+v (%v)", q, fault)
			}
		} else {
			wantRefusal(t, err)
		}
		if _, err := parseStatsRequest(strings.Replace(string(text), "user=", "by=user&name=", 1), now); err != nil {
			wantRefusal(t, err)
		}
		return err == nil
	})
}

// wantRefusal holds that an error tells the one who asked what is wrong.
func wantRefusal(t *testing.T, err error) {
	t.Helper()
	if status := fedmsg.CodeOf(err).HTTPStatus(); status/100 != 4 || len(err.Error()) > 1000 {
		t.Errorf("refused as %d: %v", status, err)
	}
}

// TestQuestionsExecuted asks mutated questions over HTTP: each answer is 4xx, or has exactly the messages that a look at every message
// finds, and comes within its time.
func TestQuestionsExecuted(t *testing.T) {
	count, seed := 1_000, uint64(time.Now().UnixNano())
	if os.Getenv("FEDMSG_TEST_LONG") == "1" {
		count = 10_000
	}
	if text := os.Getenv("FEDMSG_TEST_SEED"); text != "" {
		fmt.Sscan(text, &seed)
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var fake *archiveFake
	e := startEdge(t, func(_ *Config, d *Deps) { fake = withArchive(t, d, randomMessages(random, 200)...) })
	rows := everyRow(t, fake.store)
	answered := 0
	for range count {
		query := randomQuestion(random)
		accept := []string{"", ndjsonType}[random.IntN(2)]
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/messages", nil)
		r.URL.RawQuery, r.Header = query, http.Header{"Accept": {accept}}
		began := time.Now()
		e.handleArchive(w, r, identity{sender: fedmsg.Sender{Kind: fedmsg.SenderLoopback}, read: patterns("open.#")})
		if took := time.Since(began); took > archiveTime+time.Second {
			t.Errorf("%s took %s", query, took)
		}
		if w.Code/100 == 4 {
			if w.Body.Len() == 0 || codeIn(t, w.Body.String()).HTTPStatus() != w.Code {
				t.Errorf("%s: %d %s", query, w.Code, w.Body)
			}
			continue
		}
		if w.Code == http.StatusGatewayTimeout && beyondTheEnd(r) {
			continue // it was waited for in vain
		}
		answered++
		if fault := wrongAnswer(w, r, rows); fault != "" {
			t.Fatalf("FEDMSG_TEST_SEED=%d: %q as %q: %s", seed, query, accept, fault)
		}
	}
	if answered < count/4 {
		t.Errorf("%d of %d questions were answered", answered, count)
	}
	t.Logf("%d of %d questions were answered", answered, count)
}

// beyondTheEnd reports whether a question asks for what is stored behind the last of the messages.
func beyondTheEnd(r *http.Request) bool {
	p, err := fedmsg.ParsePosition(r.URL.Query().Get("min_position"))
	return err == nil && p.Seq > 200
}

// randomMessages are messages that have much in common.
func randomMessages(random *rand.Rand, n int) [][2]string {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	all := make([][2]string, n)
	for i := range all {
		topic := pick("open", "open", "secret") + ".org.dev." + pick("git", "wiki", "bts") + "." + pick("push", "edit", "bug.close")
		all[i] = [2]string{topic, fmt.Sprintf(`{"user":%q,"package":%q,"title":%q,"n":%d}`,
			pick("ann", "bob", "cy"), pick("nginx", "bash"), pick("kernel panic", "a Panic", "nothing much", "Änderung"), random.IntN(9))}
	}
	return all
}

// randomQuestion is a question of some parameters whose values mostly make sense, and often have a fault.
func randomQuestion(random *rand.Rand) string {
	values := map[string][]string{
		"topic": {"open.%23", "%23", "*.org.%23.push", "open.org.dev.git.push", "secret.%23", "a..b"}, "prefix": {"open.org.dev.g", "secret", "x", ""},
		"category": {"git", "wiki", "none"}, "user": {"ann", "bob", "zoe", "%00"}, "package": {"nginx", "bash"}, "sender": {"uid", "uid:1000", "token", "x"},
		"signer": {"debian"}, "severity": {"info", "loud"}, "id": {"m/1", "m/50", "m/199", "never"}, "text": {"panic", "KERNEL+panic", "%c3%a4nderung", "much+nothing", "..."},
		"where": {"msg.n+%3E+4", "msg.user+%3D%3D+%22ann%22+or+msg.n+%3D%3D+1", "not+(topic+contains+%22git%22)", "msg.("}, "not_topic": {"*.org.dev.git.%23", "%23"},
		"not_prefix": {"open.org.dev.w"}, "not_category": {"git"}, "not_user": {"ann", "cy"}, "not_package": {"bash"},
		"since": {"2026-01-31T12:01:00Z", "1769860870", "never"}, "until": {"2026-01-31T12:02:00Z", "2026-01-31T12:00:00Z"}, "order": {"oldest", "newest", "up"},
		"limit": {"1", "7", "100", "1000", "0"}, "cursor": {"n1769860870000000", "o1769860870000000", "n1", "z"}, "timeout": {"5s", "1s", "1h"},
		"min_position": {"edgelogabcde-200"}, "count": {"none", "approximate"},
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys) // a seed is to repeat the run
	var parts []string
	for range random.IntN(5) {
		key := keys[random.IntN(len(keys))]
		parts = append(parts, key+"="+values[key][random.IntN(len(values[key]))])
	}
	query := strings.Join(parts, "&")
	if random.IntN(20) == 0 {
		at := random.IntN(len(query) + 1)
		query = query[:at] + questionPieces()[random.IntN(len(questionPieces()))] + query[at:]
	}
	return query
}

// known is a row and what it is row.
type known struct {
	archive.Row
	facts.Facts
	words []string
}

// everyRow gives all rows, the newest first.
func everyRow(t *testing.T, s archive.Store) (all []known) {
	t.Helper()
	heads, err := s.Heads(t.Context(), archive.Window{From: 1, To: 1 << 62, Newest: true}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var keys []archive.Key
	for _, h := range heads {
		keys = append(keys, h.Key)
	}
	rows, err := s.Rows(context.Background(), keys)
	if err != nil || len(rows) == 0 {
		t.Fatal(len(rows), err)
	}
	for _, row := range rows {
		all = append(all, known{row, facts.Of(&row.Entry), facts.Words(nil, &row.Entry)})
	}
	return all
}

// wrongAnswer compares an answer with what is found by looking at every row.
func wrongAnswer(w *httptest.ResponseRecorder, r *http.Request, rows []known) string {
	q, err := parseArchiveRequest(r, false, time.Now())
	if err != nil {
		return fmt.Sprintf("%d, though it is refused: %v", w.Code, err)
	}
	most := q.query.Limit
	if q.export {
		most = int(q.most)
	}
	var want []string
	total := 0
	for i := range rows {
		row := &rows[i]
		if q.query.Oldest {
			row = &rows[len(rows)-1-i]
		}
		if !meets(&q.query, row) {
			continue
		}
		if total++; behind(&q.query, row.Key) && (most == 0 || len(want) < most) {
			want = append(want, row.Entry.ID)
		}
	}
	got, page, err := answerIDs(w, q.export)
	if err != nil || w.Code != 200 || !slices.Equal(got, want) || page.Partial {
		return fmt.Sprintf("%d %v, want %v (%v, partial %v)", w.Code, got, want, err, page.Partial)
	}
	if q.count && (page.Count == nil || page.Count.Approximate != total || page.Count.More) {
		return fmt.Sprintf("count %+v, want %d", page.Count, total)
	}
	return ""
}

// meets reports whether a row is asked for, by a reader of open.#.
func meets(q *archive.Query, row *known) bool {
	e, f := &row.Entry, q.Filter
	f.Scope = patterns("open.#")
	oneOf := func(asked []string, has ...string) bool {
		return len(asked) == 0 || slices.ContainsFunc(asked, func(a string) bool { return slices.Contains(has, a) })
	}
	not := q.Not.Filter
	not.Scope = patterns("#")
	without := func(unwanted []string, has ...string) bool {
		return !slices.ContainsFunc(unwanted, func(a string) bool { return slices.Contains(has, a) })
	}
	return f.MatchEntry(e) && oneOf(q.Categories, row.Category) && oneOf(q.Users, row.Users...) && oneOf(q.Packages, row.Packages...) &&
		oneOf(q.Severities, row.Severity) && oneOf(q.IDs, e.ID) &&
		!slices.ContainsFunc(facts.Query(q.Text), func(word string) bool { return !slices.Contains(row.words, word) }) &&
		(len(not.Topics)+len(not.Prefixes) == 0 || !not.Match(e.Topic)) &&
		without(q.Not.Categories, row.Category) && without(q.Not.Users, row.Users...) && without(q.Not.Packages, row.Packages...) &&
		(q.Since.IsZero() || !e.Received.Before(q.Since)) && (q.Until.IsZero() || e.Received.Before(q.Until))
}

// behind reports whether a row comes behind the cursor, which is a letter for the order and a key.
func behind(q *archive.Query, k archive.Key) bool {
	if q.After == "" {
		return true
	}
	var at archive.Key
	fmt.Sscan(string(q.After[1:]), &at)
	if q.Oldest {
		return k > at
	}
	return k < at
}

// answerIDs gives the ids of the messages of an answer in either form.
func answerIDs(w *httptest.ResponseRecorder, export bool) (ids []string, page pageJSON, err error) {
	if !export {
		err = json.Unmarshal(w.Body.Bytes(), &page)
	} else {
		for line := range strings.Lines(w.Body.String()) {
			var e fedmsg.Entry
			if err = e.UnmarshalJSON([]byte(line)); err != nil {
				break
			}
			page.Messages = append(page.Messages, e)
		}
	}
	for i := range page.Messages {
		ids = append(ids, page.Messages[i].ID)
	}
	return ids, page, err
}
