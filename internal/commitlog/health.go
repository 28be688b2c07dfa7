package commitlog

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Level says how bad a Status is.
type Level uint8

// The levels.
const (
	OK      Level = iota
	Warning       // the log does its work; somebody should look
	Failed        // the log takes no records, or its disk does not give back what it holds
)

// Status is one aspect of the log's health.
type Status struct {
	Name  string // a constant word: write, space, position, clock, damage, retention
	Level Level
	Text  string // a sentence for the operator
}

// clockWarning is how long a step of the clock stays a warning.
const clockWarning = time.Hour

// maxPlaces bounds how many damaged, and how many unreadable places are remembered.
const maxPlaces = 1000

// maxDamageTexts bounds how many damaged places Health names; the rest is counted.
const maxDamageTexts = 8

// health is what the log's goroutines note about its state. Safe for concurrent use.
type health struct {
	mu        sync.Mutex
	poison    error // why nothing is written any more
	ahead     string
	full      string // why the last write found no space; empty when it found some
	retention string
	step      time.Duration // the last step of the clock that was too large
	stepAt    time.Time
	behind    time.Duration // by how much the clock is behind the newest entry
	damage    map[string]string
	order     []string
	unread    map[string]place // what the disk could not read when it was last tried
}

// place is where the disk could not read.
type place struct {
	segment *segment
	at      int64 // offset in the segment
	text    string
}

// noteDamage remembers one damaged place, once. It reports whether it is new.
func (h *health) noteDamage(segment string, offset int64, from, to uint64) (text string, isNew bool) {
	key := fmt.Sprintf("%s %d", segment, from)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.damage == nil {
		h.damage = make(map[string]string)
	}
	if text, ok := h.damage[key]; ok {
		return text, false
	}
	if len(h.damage) >= maxPlaces {
		return "", false
	}
	text = fmt.Sprintf("%s at offset %d: entries %d to %d are damaged", segment, offset, from, to)
	h.damage[key] = text
	if len(h.order) < maxDamageTexts {
		h.order = append(h.order, text)
	}
	return text, true
}

func (h *health) set(field *string, text string) {
	h.mu.Lock()
	*field = text
	h.mu.Unlock()
}

// Health gives every aspect, also those that are OK.
func (l *Log) Health() []Status {
	h := &l.health
	h.mu.Lock()
	defer h.mu.Unlock()
	return []Status{
		h.writeStatus(),
		textStatus("space", Failed, h.full, "there is room"),
		textStatus("position", Failed, h.ahead, "no saved position lies beyond the end"),
		h.clockStatus(l.o.Now()),
		h.damageStatus(),
		textStatus("retention", Warning, h.retention, "the log is within its limits"),
	}
}

// textStatus is OK while there is no text.
func textStatus(name string, level Level, text, fine string) Status {
	if text == "" {
		return Status{Name: name, Text: fine}
	}
	return Status{Name: name, Level: level, Text: text}
}

func (h *health) writeStatus() Status {
	if h.poison == nil {
		return Status{Name: "write", Text: "writes succeed"}
	}
	return Status{Name: "write", Level: Failed, Text: fmt.Sprintf("a write or fsync failed, nothing is stored until the node is restarted: %v", h.poison)}
}

func (h *health) clockStatus(now time.Time) Status {
	switch {
	case h.behind > maxClockStep:
		return Status{Name: "clock", Level: Warning, Text: fmt.Sprintf("the clock is %v behind the newest entry; entries get the newest one's time until it has caught up", h.behind.Round(time.Millisecond))}
	case h.step != 0 && now.Sub(h.stepAt).Abs() < clockWarning:
		return Status{Name: "clock", Level: Warning, Text: fmt.Sprintf("the clock stepped by %v at %s, or the machine slept", h.step.Round(time.Millisecond), h.stepAt.UTC().Format(time.RFC3339))}
	}
	return Status{Name: "clock", Text: "the clock runs evenly"}
}

func (h *health) damageStatus() Status {
	if len(h.unread) > 0 {
		texts := make([]string, 0, len(h.unread))
		for _, p := range h.unread {
			texts = append(texts, p.text)
		}
		slices.Sort(texts)
		text := strings.Join(texts[:min(len(texts), maxDamageTexts)], "; ")
		if more := len(texts) - maxDamageTexts; more > 0 {
			text += fmt.Sprintf("; and %d more places", more)
		}
		return Status{Name: "damage", Level: Failed, Text: text + "; look at the disk, and move the log to another one"}
	}
	if len(h.damage) == 0 {
		return Status{Name: "damage", Text: "no damage was met"}
	}
	text := ""
	for i, t := range h.order {
		if i > 0 {
			text += "; "
		}
		text += t
	}
	if more := len(h.damage) - len(h.order); more > 0 {
		text += fmt.Sprintf("; and %d more places", more)
	}
	return Status{Name: "damage", Level: Warning, Text: text + "; see `fedmsg check log`"}
}

// Err is nil while the log takes records, else the error that Submit gives.
func (l *Log) Err() error {
	l.health.mu.Lock()
	defer l.health.mu.Unlock()
	if l.health.poison != nil {
		return errPoisoned(l.health.poison)
	}
	if l.health.ahead != "" {
		return fedmsg.Errorf(fedmsg.CodeLogAhead, "%s", l.health.ahead)
	}
	return nil
}

func errPoisoned(inside error) error {
	return fedmsg.WrapError(fedmsg.CodeLogFailed, inside, "nothing is stored: an earlier write to the log failed, and it must be reopened; restart the node after a look at its disk")
}

func errUnknown(inside error) error {
	return fedmsg.WrapError(fedmsg.CodeTimeout, inside, "writing to the log failed in the middle, it is unknown whether the message is stored; publish it again with the same id")
}

func errClosed() error {
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "nothing is stored: the log is closed, the node is stopping; try again")
}

// isFull reports whether err says that a disk or quota is full.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
