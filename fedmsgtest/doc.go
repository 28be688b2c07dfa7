// Package fedmsgtest runs the real fedmsg in tests: it builds the program once, starts nodes on loopback ports and sockets
// in temporary directories, runs commands, kills, stops and freezes them, and speaks plain HTTP to them.
//
// It promises that a test needs nothing but this package to have a node: what the surroundings say (FEDMSG_* variables, XDG
// directories, a node of the same machine) does not reach the programs it starts, everything it starts is ended and
// removed when the test ends, and every wait is for an event, under a generous deadline that fails the test with the log of
// the node. It never sleeps for a fixed time. It does not check what a node does; that is the test's part.
//
// Its functions must be called from the goroutine of the test where they take a testing.TB, except where they say that
// they may be used by any goroutine; those return errors.
//
// These variables are read, all by tests only:
//
//	FEDMSG_TEST_REQUIRE=all   a test that lacks something fails, see Missing
//	FEDMSG_TEST_LONG=1        full counts, see Long
//	FEDMSG_TEST_SHARED=DIR    the corpus and vectors, see Shared
//	FEDMSG_TEST_BINARY=FILE   the program to test; empty builds it
package fedmsgtest
