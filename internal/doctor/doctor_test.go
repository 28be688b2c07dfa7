package doctor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestRun holds that findings come in the order of the checks, that checks which hang are told and take all together no more than
// the time of one, and that one which heeds the time has its say.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		begin := time.Now()
		all := Run(t.Context(), 5*time.Second,
			check{"slow", func(ctx context.Context) []Finding {
				<-ctx.Done()
				return []Finding{warning("a place", "late", "wait")}
			}},
			check{"hanging", func(context.Context) []Finding { <-hang; return nil }},
			check{"another that hangs", func(context.Context) []Finding { <-hang; return nil }},
			check{"quick", func(context.Context) []Finding { return []Finding{ok("another", "well")} }},
		)
		if took := time.Since(begin); took != 6*time.Second {
			t.Errorf("it took %s", took)
		}
		var names string
		for _, f := range all {
			names += f.Check + " " + string(f.Status) + ";"
		}
		if names != "slow warning;hanging failed;another that hangs failed;quick ok;" {
			t.Errorf("the findings are %s", names)
		}
		if worst(all) != ops.Failed || worst(all[3:]) != ops.OK {
			t.Errorf("the worst is %s, and of the last %s", worst(all), worst(all[3:]))
		}
		close(hang)
	})
}
