package archive

import "context"

// Extent tells what the store holds, whoever may read it.
func (s *Searcher) Extent(ctx context.Context) (Extent, error) { return s.store.Extent(ctx) }
