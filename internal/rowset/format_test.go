package rowset

import (
	"os"
	"testing"
)

// TestFormats goes on with files of rows that a program of each format wrote while a change was published, and which are kept: what is
// pending has the ids that it had, or a node that was upgraded then would say it twice. What was told last of a row is known from format 2
// on, so that it can be withheld.
func TestFormats(t *testing.T) {
	t.Parallel()
	const (
		amd64  = `{"architecture":"amd64","builder":"x86-01","package":"hello","state":"Installed"}`
		loewe  = `"key":{"package":"löwe","architecture":"all"},"row":{"architecture":"all","package":"löwe","state":"Installed"}`
		told   = "9f860339e5e50afa85f348e7cc2aa42f6c8ec2b55390c17cfb45b20af1b8bdfc" // of löwe
		before = `,"before":{"notes":["a",{"b":1}]}`
	)
	for _, c := range []struct{ dir, pending, arm64, last string }{
		{"rows1",
			"67eba4be4c3ece53746d63d6c3f3c44a2df5e0c64e25b2e2beb725c1a411779a  " +
				`{"key":{"package":"hello","architecture":"amd64"},"row":` + amd64 + `,"before":{"state":"Building"}}` + "\n",
			`{"architecture":"arm64","builder":null,"package":"hello","state":"Needs-Build"}`, before},
		{"rows2",
			"dca088de688df0389944cdfdc10807a29806cd08488b72768d2f1c689298a689 org.example.dev.wb.changed " +
				`{"key":{"package":"hello","architecture":"amd64"},"row":` + amd64 + `,"before":{"state":"Building"}}` + "\n" +
				"000e9d725787695cca6b2af741de5f97fea0f19731a5a8a213d44d2849db69e4 org.example.dev.wb.changed " +
				`{"key":{"package":"hello","architecture":"arm64"},"row":{"architecture":"arm64","builder":null,"package":"hello","state":"Building"}}` + "\n",
			`{"architecture":"arm64","builder":null,"package":"hello","state":"Building"}`, ""},
	} {
		t.Run(c.dir, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/"+c.dir)); err != nil {
				t.Fatal(err)
			}
			s := Open(dir, Shape{Key: []string{"package", "architecture"}, Ignore: []string{"load"}})
			var pending string
			err := s.Changes(func(c Change) error {
				pending += c.ID + " " + c.Topic + " " + string(c.Body) + "\n"
				return nil
			})
			if err != nil || pending != c.pending {
				t.Errorf("pending is\n%s%v\nwant\n%s", pending, err, c.pending)
			}
			if err := s.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := s.Withhold(func(id string) bool { return id == told }); err != nil {
				t.Fatal(err)
			}
			step(t, s, `[`+amd64+`,`+c.arm64+`,{"package":"löwe","architecture":"all","state":"Installed"}]`, false, `changed {`+loewe+c.last+"}\n")
		})
	}
}
