package postgres

import (
	"context"
	"hash/fnv"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// pairNumber is the number of a pair of a user and a package: below zero, and made of its text alone. Two pairs may have one number;
// what is found by it is looked at again by package archive.
func pairNumber(name string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return -1 - int32(h.Sum32()>>1)
}

func termDigest(t archive.Term) digest { return digestOf(strconv.Itoa(int(t.Kind)), t.Name) }

// lookup gives the number of a term that some row has, and how many rows have it; false where none has it. Of a pair nobody knows how
// many.
func lookup(ctx context.Context, c reader, t archive.Term) (n int32, count int64, found bool, err error) {
	if t.Kind == archive.KindBoth {
		return pairNumber(t.Name), 0, true, nil
	}
	err = scan(ctx, c, func() error {
		found = true
		return nil
	}, []any{&n, &count}, "SELECT term, count FROM terms WHERE hash = $1", termDigest(t))
	return n, count, found, err
}

// numbered gives terms their numbers; those that are new get one.
func numbered(ctx context.Context, tx pgx.Tx, terms []archive.Term) (map[archive.Term]int32, error) {
	numbers := make(map[archive.Term]int32, len(terms))
	byHash := make(map[digest]archive.Term, len(terms))
	var hashes []digest
	for _, t := range terms {
		if t.Kind == archive.KindBoth {
			numbers[t] = pairNumber(t.Name)
			continue
		}
		hash := termDigest(t)
		if _, done := byHash[hash]; !done {
			byHash[hash] = t
			hashes = append(hashes, hash)
		}
	}
	var n int32
	var hash digest
	take := func() error {
		numbers[byHash[hash]] = n
		delete(byHash, hash)
		return nil
	}
	if err := scan(ctx, tx, take, []any{&n, &hash}, "SELECT term, hash FROM terms WHERE hash = ANY($1)", hashes); err != nil {
		return nil, err
	}
	if len(byHash) == 0 {
		return numbers, nil
	}
	var kinds []int16
	var names []string
	var fresh []digest
	for _, hash := range hashes {
		if t, ok := byHash[hash]; ok {
			kinds, names, fresh = append(kinds, int16(t.Kind)), append(names, text(t.Name)), append(fresh, hash)
		}
	}
	return numbers, scan(ctx, tx, take, []any{&n, &hash}, `INSERT INTO terms (kind, count, hash, name)
		SELECT kind, 0, hash, name FROM unnest($1::smallint[], $2::uuid[], $3::text[]) AS new (kind, hash, name) RETURNING term, hash`, kinds, fresh, names)
}
