package client

import (
	"context"
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// shared is the one Client behind [Publish]: a program that only wants to say something needs nothing to set up or hand
// around. It is made by the first call and lives as long as the process; its connection ends when it is idle.
var shared = sync.OnceValues(func() (*Client, error) { return New(Options{Spool: SpoolDefault}) })

// Publish sends body on topic to the node of this machine and returns when it is durable. It is [Client.Publish] of a Client
// with the default Options and the machine's spool, which all callers share.
func Publish(ctx context.Context, topic string, body any) (fedmsg.Receipt, error) {
	c, err := shared()
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	return c.Publish(ctx, topic, body)
}
