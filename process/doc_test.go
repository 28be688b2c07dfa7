// Package process tests the real program: nodes and commands as processes, killed, frozen, starved of disk and cut from
// power. It has test files only. Each test says what must hold whatever happens; counts are small unless
// FEDMSG_TEST_LONG=1, and what is random prints its seed, which FEDMSG_TEST_SEED repeats.
package process
