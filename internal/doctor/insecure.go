package doctor

import "context"

// insecure shows every insecure switch of the configuration that is on.
func (s *Subject) insecure(context.Context) []Finding {
	keys := s.Loaded.Config.Insecure()
	if len(keys) == 0 {
		return []Finding{ok("the configuration", "no insecure switch is on")}
	}
	var all []Finding
	for _, key := range keys {
		all = append(all, warning(key, "this insecure switch is on", "take it out as soon as nobody needs it; see docs/trust.md and docs/config.md for what stands in its place"))
	}
	return all
}
