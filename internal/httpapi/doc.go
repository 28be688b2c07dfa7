// Package httpapi is the node's HTTP edge: publishing, following and looking after a node over TCP, TLS and a unix socket.
//
// It promises that nobody publishes or reads through it without an identity found in one place ([Server.identify]); that
// no web page of another site can use a browser to do either; that every answer which is not a success is JSON with a code
// and a sentence; and that connections, headers, bodies, waiting receipts and times are bounded by keys of [Config]. A
// publisher that is told yes has its message on disk: the promise is the door's, and this package adds no answer of its own.
//
// It does not decide which topics a sender may publish, does not look into messages, and keeps nothing: all of that is
// behind the few functions and interfaces of [Deps]. It speaks HTTP/1.1 only: a reader that only waits is then a socket
// and little else.
package httpapi
