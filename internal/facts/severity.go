package facts

import (
	"strconv"
	"strings"
)

// The severities that messages have, from the least.
const (
	Debug   = "debug"
	Info    = "info"
	Warning = "warning"
	Error   = "error"
)

// severityOf reads the header of a severity: its name, or its number as fedora-messaging and Python have it. Of anything else there
// is none.
func severityOf(text string) string {
	if n, err := strconv.Atoi(text); err == nil {
		switch {
		case n >= 40:
			return Error
		case n >= 30:
			return Warning
		case n >= 20:
			return Info
		case n > 0:
			return Debug
		}
		return ""
	}
	switch strings.ToLower(text) {
	case "debug":
		return Debug
	case "info", "notice":
		return Info
	case "warning", "warn":
		return Warning
	case "error", "err", "critical":
		return Error
	}
	return ""
}
