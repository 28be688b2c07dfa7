package debian_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// TestDocumentedFields holds the tables of docs/debian.md against the code: each kind with its topic, each field, and none else.
func TestDocumentedFields(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/debian.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, types := range map[string][]any{
		"Uploads and packages":        {debian.Upload{}},
		"Bugs":                        {debian.Bug{}},
		"Commands to the bug tracker": {debian.Control{}},
		"Mailing lists":               {debian.Message{}},
		"Persons and mails":           {mailmsg.Address{}, debian.Source{}},
		"Signatures":                  {debian.DKIM{}, debian.OpenPGP{}},
	} {
		_, section, _ := strings.Cut(string(data), "\n## "+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		var want []string
		for _, v := range types {
			want = append(want, fields(reflect.TypeOf(v))...)
		}
		if got := named(section); !reflect.DeepEqual(got, sortedNames(want)) {
			t.Errorf("%q has the fields\n%v, want\n%v", heading, got, sortedNames(want))
		}
	}
	for _, kind := range []debian.Kind{
		debian.Accepted, debian.New, debian.Rejected, debian.Processing, debian.Removed, debian.Archive, debian.Report, debian.Followup,
		debian.Closed, debian.Forwarded, debian.Transcript, debian.Reply, debian.List, debian.Other,
	} {
		row := " | `" + string(kind) + "` | `" + kind.Topic() + "` |\n"
		if kind.Topic() == "" {
			row = " | `" + string(kind) + "` | no message |\n"
		}
		if !strings.Contains(string(data), row) {
			t.Errorf("docs/debian.md lacks the row %q", row)
		}
	}
}

// named gives what the first column of a section's table names.
func named(section string) []string {
	var all []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			all = append(all, name[1])
		}
	}
	return sortedNames(all)
}

// fields gives the names that a struct has as JSON.
func fields(t reflect.Type) []string {
	var all []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			all = append(all, fields(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, name)
	}
	return all
}

// sortedNames gives them in order.
func sortedNames(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	return all
}
