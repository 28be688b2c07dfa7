// Package trigger starts a program for each entry.
package trigger
