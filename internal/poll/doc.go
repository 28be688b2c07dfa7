// Package poll makes messages of the rows of a table that somebody else keeps: a page of JSON or CSV, what a program prints, or what a
// query of PostgreSQL or SQLite gives. It asks again and again, and publishes one message for each row that is new, changed or gone.
//
// It promises:
//   - A change is published once, also when the node is killed between: what is found is on disk before the first message of it is
//     handed on (package rowset), and until all of them are in the log the same ones are handed on again, under the same ids.
//   - An answer counts whole or not at all. One that was cut off, is not of its form, has two rows with one key, or has none where there
//     were some, is an error: it is asked again, and nothing is said to be gone.
//   - Nothing is published of the very first answer unless that is asked for.
//   - An answer has limits of time, bytes and rows. Neither secrets nor the query of an address are in errors.
//
// Redirects are not followed: the operator named the address, and the other side is not to send the node to another one. A program is
// started without a shell.
package poll
