package ops

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Terminal reports whether w is a terminal.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
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
