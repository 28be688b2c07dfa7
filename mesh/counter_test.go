package mesh

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// testBlock is how many numbers are reserved at once in tests.
const testBlock = 5

// errStop is what an operation gets at which everything stops.
var errStop = errors.New("stopped")

// TestCounterCrash stops a publisher at every operation of two runs, as a kill or as a power cut, and holds that the next runs
// give no number twice; and after a kill, no number is passed over but the one that was being taken.
func TestCounterCrash(t *testing.T) {
	fates := map[string]durabletest.Fate{"killed": durabletest.KeepAll, "lost": durabletest.LoseAll, "some": durabletest.Some}
	for name, fate := range fates {
		t.Run(name, func(t *testing.T) {
			for stop, ran := 1, true; ran; stop++ {
				disk := durabletest.NewDisk()
				before := func(n int, _ durabletest.Op, _ string) error {
					if n >= stop {
						return errStop
					}
					return nil
				}
				disk.SetHooks(before, nil)
				given := make(map[uint64]bool)
				last, ended := useNumbers(t, disk, "boot1", given, 3, true)
				if ended {
					last, ended = useNumbers(t, disk, "boot1", given, testBlock+5, false)
				}
				ran = !ended
				boot := "boot1"
				if fate != durabletest.KeepAll {
					boot = "boot2"
				}
				disk = disk.Crash(fate, rand.New(rand.NewPCG(uint64(stop), 1)))
				next, ended := useNumbers(t, disk, boot, given, 3, false)
				if !ended {
					t.Fatalf("stopped at %d: it does not open again", stop)
				}
				if first := next - 2; fate == durabletest.KeepAll && first > last+2 || first > last+2*testBlock+2 {
					t.Fatalf("stopped at %d: goes on with %d behind %d", stop, first, last)
				}
			}
		})
	}
}

// useNumbers is one run, which takes some numbers. The last one it had is given, and whether the run came to its end.
func useNumbers(t *testing.T, disk *durabletest.Disk, boot string, given map[uint64]bool, count int, closes bool) (last uint64, ended bool) {
	t.Helper()
	for n := range given {
		last = max(last, n)
	}
	c, err := openCounter(disk, "/state", "shop.host", boot, testBlock)
	if err != nil {
		return last, false
	}
	for range count {
		n := c.next()
		if given[n] {
			t.Fatalf("%d is given again", n)
		}
		if c.use() != nil {
			return last, false
		}
		given[n], last = true, n
	}
	return last, !closes || c.close() == nil
}

// TestCounterClosed goes on without a hole after another run of the machine, where the publisher was closed.
func TestCounterClosed(t *testing.T) {
	disk := durabletest.NewDisk()
	for run := range 3 {
		c, err := openCounter(disk, "/state", "shop.host", fmt.Sprint("boot", run), testBlock)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.next(); got != uint64(run*2+1) {
			t.Errorf("run %d goes on with %d", run, got)
		}
		if err := errors.Join(c.use(), c.use(), c.close()); err != nil {
			t.Fatal(err)
		}
		disk = disk.Crash(durabletest.LoseAll, nil)
	}
}

// TestCounterDamaged refuses a count that cannot be read, and passes over more numbers than were given where only the last one
// cannot.
func TestCounterDamaged(t *testing.T) {
	disk := durabletest.NewDisk()
	c, err := openCounter(disk, "/state", "shop.host", "boot", testBlock)
	if err == nil {
		err = errors.Join(c.use(), c.close())
	}
	if err != nil {
		t.Fatal(err)
	}
	line := disk.Bytes("/state/shop.host.last")
	line[len(line)-len("1 00000000\n")]++ // the last digit of the number
	disk.SetBytes("/state/shop.host.last", line)
	if c, err = openCounter(disk, "/state", "shop.host", "boot", testBlock); err != nil || c.next() != testBlock+1 {
		t.Fatalf("goes on with %d, %v", c.next(), err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	disk.SetBytes("/state/shop.host.reserved", []byte("many\n"))
	if _, err = openCounter(disk, "/state", "shop.host", "boot", testBlock); fedmsg.CodeOf(err) != fedmsg.CodeDamaged {
		t.Errorf("got %v", err)
	}
}
