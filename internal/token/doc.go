// Package token keeps the bearer tokens with which publishers and readers prove who they are where the kernel cannot say.
//
// It promises that a secret is shown once and never stored: the file has its SHA-256, which is enough for 256 random bits.
// The file is readable by its owner alone or it is refused. It changes as a whole or not at all, under a lock, so that any
// number of commands may edit it beside a running node; a [Store] sees a change within a second. When in doubt nobody is
// let in: a file that cannot be read holds no token. What the topics of a token mean is for others to decide.
package token
