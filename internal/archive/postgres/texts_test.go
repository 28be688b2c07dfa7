package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestTextsAreReadWithoutTheLock: who needs names that are known does not wait for the network of who asks for others.
func TestTextsAreReadWithoutTheLock(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	appendAll(t, s, drafts(1, 1))
	topics := texts[string]{query: s.topics.query}
	n := int32(number(t, s, "SELECT term FROM terms WHERE kind = 1"))
	free := true
	read := func(row pgx.CollectableRow) (int32, string, error) {
		if free = topics.mu.TryLock(); free {
			topics.mu.Unlock()
		}
		return name(row)
	}
	for range 2 {
		if got, err := topics.get(t.Context(), s.readers, []int32{n, n}, read); err != nil || len(got) != 1 || got[n] != "org.example.prod.git.push" {
			t.Errorf("the names are %v, %v", got, err)
		}
	}
	if !free || topics.of[n] == "" {
		t.Errorf("the lock was free: %t; what is kept is %v", free, topics.of)
	}
}
