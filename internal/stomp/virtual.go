package stomp

import "strings"

// virtualTopics gives the patterns of the topics whose messages ActiveMQ copies to the queues of a subscription:
// /queue/Consumer.NAME.VirtualTopic.eng.> gets those of VirtualTopic.eng.>. A name may have more than one word. Where the server
// calls its topics otherwise it has one.
func virtualTopics(destination string) [][]string {
	var all [][]string
	for one := range strings.SplitSeq(destination, ",") {
		queue, isQueue := strings.CutPrefix(one, "/queue/")
		queue, _, _ = strings.Cut(queue, "?")
		words := strings.Split(queue, ".")
		if !isQueue || len(words) < 3 || words[0] != "Consumer" {
			continue
		}
		from := 2
		for i, w := range words[2:] {
			if w == "VirtualTopic" {
				from = 2 + i
				break
			}
		}
		all = append(all, words[from:])
	}
	return all
}

// isVirtual reports whether what came by the subscription may have been sent to the destination. ActiveMQ says in a header where that
// was, and lets publishers say it too, who may have no right to send there.
func (s *Source) isVirtual(destination string) bool {
	name, ok := strings.CutPrefix(destination, "/topic/")
	if !ok {
		return false
	}
	words := strings.Split(name, ".")
	for _, pattern := range s.virtual {
		if covers(pattern, words) {
			return true
		}
	}
	return false
}

// covers reports whether words fit the pattern, in which * stands for one and > for all that follow.
func covers(pattern, words []string) bool {
	for i, p := range pattern {
		switch {
		case p == ">":
			return true
		case i == len(words) || p != "*" && p != words[i]:
			return false
		}
	}
	return len(words) == len(pattern)
}
