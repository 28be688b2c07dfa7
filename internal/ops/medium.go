package ops

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Terminal reports whether w is a terminal.
func Terminal(w io.Writer) bool { return winsize(w) != nil }

// Size is how many columns and rows a terminal has; 0 where it does not say so, or w is none.
func Size(w io.Writer) (columns, rows int) {
	if s := winsize(w); s != nil {
		return int(s.Col), int(s.Row)
	}
	return 0, 0
}

// winsize is nil where w is no terminal.
func winsize(w io.Writer) *unix.Winsize {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	s, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return s
}

// Color reports whether output to w should have colour: w is a terminal, that terminal has colours, and the user has not
// asked for none by $NO_COLOR.
func Color(w io.Writer, getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && Terminal(w)
}

// Journal reports whether w goes straight to the systemd journal: $JOURNAL_STREAM names the device and inode of the
// stream, so that a redirected output is not mistaken for it.
func Journal(w io.Writer, getenv func(string) string) bool {
	f, ok := w.(*os.File)
	stream := getenv("JOURNAL_STREAM")
	if !ok || stream == "" {
		return false
	}
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
