package facts

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// score counts what was found and what a service's own rules for its messages say.
type score struct{ right, more, missed int }

func (s *score) count(got, want []string) {
	for _, name := range want {
		if slices.Contains(got, name) {
			s.right++
		} else {
			s.missed++
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			s.more++
		}
	}
}

func (s *score) precision() float64 { return float64(s.right) / float64(max(1, s.right+s.more)) }
func (s *score) recall() float64    { return float64(s.right) / float64(max(1, s.right+s.missed)) }

// TestCorpus measures the rules, which know no service, against what Fedora's and Red Hat's own rules, some hundred of them, find
// in real messages; and holds that all words of those are found.
func TestCorpus(t *testing.T) {
	t.Parallel()
	agree, all := 0, 0
	for _, file := range []struct {
		name                                                       string
		userPrecision, userRecall, packagePrecision, packageRecall float64
	}{
		{"fedora-messages.jsonl", 0.69, 0.92, 0.77, 0.74},
		{"fedora-messages-history.jsonl", 0.85, 0.90, 0.76, 0.55},
		{"umb-messages.jsonl", 0.70, 0.66, 0.45, 0.55},
	} {
		var users, packages score
		for _, line := range lines(t, file.name) {
			e := &fedmsg.Entry{Topic: line.topic, Envelope: line.Message}
			got := Of(e)
			for i, name := range got.Users {
				got.Users[i] = knownAs(name)
			}
			got.Users = slices.Compact(sorted(got.Users))
			users.count(got.Users, line.Expected.Usernames)
			packages.count(got.Packages, line.Expected.Packages)
			if all++; slices.Equal(got.Users, line.Expected.Usernames) && slices.Equal(got.Packages, line.Expected.Packages) {
				agree++
			}
			words := Words(nil, e)
			if diff := cmp.Diff(slowWords(t, e), sorted(words)); diff != "" && !slices.Contains(words, More) {
				t.Errorf("%s: words of %s:\n%s", file.name, line.topic, diff)
			}
		}
		t.Logf("%s: users: precision %.2f, recall %.2f of %d; packages: precision %.2f, recall %.2f of %d", file.name,
			users.precision(), users.recall(), users.right+users.missed, packages.precision(), packages.recall(), packages.right+packages.missed)
		if users.precision() < file.userPrecision || users.recall() < file.userRecall {
			t.Errorf("%s: users: %+v", file.name, users)
		}
		if packages.precision() < file.packagePrecision || packages.recall() < file.packageRecall {
			t.Errorf("%s: packages: %+v", file.name, packages)
		}
	}
	t.Logf("all names are those expected in %d messages of %d", agree, all)
}

// knownAs gives the user of an address, as the corpus has it: its README tells these.
func knownAs(name string) string {
	switch name {
	case "threebean", "rbean@redhat.com":
		return "ralph"
	case "puiterwijk@gmail.com":
		return "puiterwijk"
	case "nicolas.mailhot@laposte.net":
		return "nim"
	}
	user, _ := bytes.CutSuffix([]byte(name), []byte("@fedoraproject.org"))
	return string(user)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// line is a message of the corpus with what is expected of it.
type line struct {
	Message  json.RawMessage
	Expected struct{ Usernames, Packages []string }
	topic    string
}

func lines(t *testing.T, name string) (all []line) {
	f, err := os.Open(fedmsgtest.Shared(t, "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Buffer(nil, 1<<24); s.Scan(); {
		var l line
		var m struct{ Topic string }
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(l.Message, &m); err != nil {
			t.Fatal(err)
		}
		l.topic = m.Topic
		all = append(all, l)
	}
	return all
}
