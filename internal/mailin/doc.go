// Package mailin makes messages of the mails that come to a node.
//
// It promises that a mail becomes the same messages, with the same ids, whichever way it comes and however often: what mail servers write
// into a mail on its way counts for nothing. Another mail that claims the same Message-ID is another message. It publishes nothing of
// what package debian does not know, and refuses what the bus itself has sent out as a mail, so that no message goes round.
//
// What a mail says is not believed here: see [Checker].
package mailin
