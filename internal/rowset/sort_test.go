package rowset

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// TestSort holds the order of keys that come in any order, where they differ early, late or in their length, and that each row keeps what
// belongs to it.
func TestSort(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for _, key := range []func(n int) string{
		func(n int) string { return fmt.Sprintf(`"%d"`, n) },
		func(n int) string { return fmt.Sprintf(`"package-%d-of-many-words-%03d"`, n%3, n) },
		func(n int) string { return fmt.Sprintf(`"%0*d"`, n+1, 0) },
	} {
		for _, rows := range []int{0, 1, 2, 3, 200, 3 * pieceMarks} {
			a, err := Open(t.TempDir(), Shape{Key: []string{"k"}}).NewAnswer(Limits{Rows: 4 * pieceMarks, RowBytes: 5000})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = a.Close() }()
			for _, n := range random.Perm(rows) {
				if err := a.Add([]tabular.Cell{{Name: []byte(`"k"`), Value: []byte(key(n))}}); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.sort(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a.Rows() != rows {
				t.Fatalf("%d rows of %d", a.Rows(), rows)
			}
			var before []byte
			for i := range rows {
				m := a.marks.at(i)
				if bytes.Compare(before, a.key(m)) >= 0 {
					t.Fatalf("row %d of %d such as %s is out of order", i, rows, key(1))
				}
				before = a.key(m)
				row, err := a.read(m)
				if want := `{"k":` + string(bytes.Trim(a.key(m), "[]")) + "}"; err != nil || string(row) != want || m.sum != sumOf(row) {
					t.Errorf("the row of %s is %s, %v", want, row, err)
				}
			}
		}
	}
}
