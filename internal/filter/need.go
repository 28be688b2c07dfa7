package filter

import (
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg/internal/facts"
)

// Need is what must hold of every entry of which an expression is true; of others it may hold too. An index finds entries by it, and
// the expression decides. It is immutable.
type Need struct {
	Kind  NeedKind
	Parts []Need   // of NeedAll and NeedOne, at least two
	Text  string   // of those that are about one text; never empty there
	Words []string // of NeedWords and NeedWordsOrMore, each once, 1 to 64
	// Of NeedTime: received at Since or later, and before Until; zero has no bound.
	Since, Until time.Time
}

// NeedKind is what a [Need] is about.
type NeedKind uint8

// The kinds of a Need.
const (
	NeedAny         NeedKind = iota // nothing is known: every entry may be wanted
	NeedAll                         // all of Parts
	NeedOne                         // one of Parts
	NeedTopic                       // the topic is Text
	NeedPrefix                      // the topic begins with Text
	NeedCategory                    // the category is Text
	NeedUser                        // Text is one of the users
	NeedPackage                     // Text is one of the packages
	NeedSender                      // the sender is Text, or begins with it and a colon
	NeedSigner                      // the signer is Text, or begins with it and a slash
	NeedSeverity                    // the severity is Text
	NeedID                          // the id is Text
	NeedWords                       // all of Words are among the words of the entry; see [facts.Words]
	NeedWordsOrMore                 // the same, or [facts.More] is among them: the entry has words that it is not found by
	NeedTime                        // received within a time
)

// Needs gives what an entry must have for the expression to be true.
func (w *Where) Needs() Need { return w.needs }

// allOf joins needs that must hold together.
func allOf(needs ...Need) Need {
	var parts []Need
	var words []string
	for _, n := range needs {
		inner := []Need{n}
		if n.Kind == NeedAll {
			inner = n.Parts
		}
		for _, n := range inner {
			switch n.Kind {
			case NeedAny:
			case NeedWordsOrMore:
				words = append(words, n.Words...)
			default:
				parts = append(parts, n)
			}
		}
	}
	if len(words) > 0 {
		slices.Sort(words)
		words = slices.Compact(words)
		parts = append(parts, Need{Kind: NeedWordsOrMore, Words: words[:min(len(words), maxWords)]})
	}
	return joined(NeedAll, parts)
}

// one joins needs of which one is enough: where one of them is not known, nothing is.
func one(needs ...Need) Need {
	var parts []Need
	for _, n := range needs {
		switch n.Kind {
		case NeedAny:
			return Need{}
		case NeedOne:
			parts = append(parts, n.Parts...)
		default:
			parts = append(parts, n)
		}
	}
	return joined(NeedOne, parts)
}

func joined(k NeedKind, parts []Need) Need {
	switch len(parts) {
	case 0:
		return Need{}
	case 1:
		return parts[0]
	}
	return Need{Kind: k, Parts: parts}
}

// named needs a text to be what the kind says.
func named(k NeedKind, text string) Need {
	if text == "" {
		return Need{} // what is not there is empty, and found by nothing
	}
	return Need{Kind: k, Text: text}
}

// said needs the words of a text to stand somewhere in a message.
func said(text string) Need {
	words := facts.Query(text)
	if len(words) == 0 {
		return Need{}
	}
	return Need{Kind: NeedWordsOrMore, Words: words[:min(len(words), maxWords)]}
}
