package facts

import "github.com/federated-messaging/fedmsg"

// MaxWords bounds the words that one message is found by, and MaxWordBytes the length of each; what is longer is cut.
const (
	MaxWords     = 2048
	MaxWordBytes = 64
)

// Words gives the words of an entry, each once, in no order: those of its topic, and those of the texts, numbers and names of
// members in its body, and of its headers. A word is a run of letters and digits, in lower case, without accents' compositions
// (NFKC). It appends to b and gives it.
func Words(b []string, e *fedmsg.Entry) []string { panic("not built") }

// Query gives the words of what somebody looks for, by the same rules.
func Query(text string) []string { panic("not built") }
