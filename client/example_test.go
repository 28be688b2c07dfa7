package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
)

// The shortest way: nothing is set up, the node of this machine is found, and the spool is on.
func ExamplePublish() {
	stop := client.StartExampleNode()
	defer stop()

	receipt, err := client.Publish(context.Background(), "org.example.dev.shop.order.new", map[string]any{"order": 17})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored as number", receipt.Seq)
	// Output: stored as number 1
}

// A Client of one's own has options. Short topics are completed as the old system did.
func ExampleClient_Publish() {
	stop := client.StartExampleNode()
	defer stop()

	c, err := client.New(client.Options{
		Timeout: 2 * time.Second, TopicPrefix: "org.example", Environment: "prod", Modname: "shop",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	type order struct {
		Number int    `json:"number"`
		Buyer  string `json:"buyer"`
	}
	receipt, err := c.Publish(context.Background(), "order.new", order{17, "ralph"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Seq, receipt.Duplicate)
	// Output: 1 false
}

// A message with an id of its own may be published again: it is stored once, and the receipt is the first one's.
func ExampleClient_PublishMessage() {
	stop := client.StartExampleNode()
	defer stop()
	c, err := client.New(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	m := fedmsg.Message{
		ID:      "order-17-created",
		Topic:   "org.example.dev.shop.order.new",
		Headers: map[string]string{"priority": "high"},
		Body:    json.RawMessage(`{"order":17}`),
	}
	for range 2 {
		receipt, err := c.PublishMessage(context.Background(), m)
		fmt.Println(receipt.ID, receipt.Seq, receipt.Duplicate, err)
	}
	// Output:
	// order-17-created 1 false <nil>
	// order-17-created 1 true <nil>
}

// One goroutine can have many messages under way: their order is that of the calls to Submit.
func ExampleClient_Submit() {
	stop := client.StartExampleNode()
	defer stop()
	c, err := client.New(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	var tickets []*client.Ticket
	for i := range 3 {
		t, err := c.Submit(context.Background(), fedmsg.Message{
			Topic: "org.example.dev.count", Body: fmt.Appendf(nil, `{"n":%d}`, i),
		})
		if err != nil {
			log.Fatal(err)
		}
		tickets = append(tickets, t)
	}
	for _, t := range tickets {
		receipt, err := t.Wait(context.Background())
		fmt.Println(receipt.Seq, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

// With the spool on, a message that no node takes waits on disk and is sent in order later.
func ExampleOptions_spool() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	o := client.Options{Node: "unix://" + filepath.Join(dir, "nobody.sock"), Spool: filepath.Join(dir, "spool")}
	c, err := client.New(o)
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Publish(context.Background(), "org.example.dev.shop.order.new", map[string]int{"order": 17})
	fmt.Println("queued:", fedmsg.CodeOf(err) == fedmsg.CodeQueued)
	c.Close()

	stop := client.StartExampleNode()
	defer stop()
	later, err := client.New(client.Options{Spool: o.Spool})
	if err != nil {
		log.Fatal(err)
	}
	defer later.Close()
	fmt.Println("sent:", later.DrainSpool(context.Background()))
	// Output:
	// queued: true
	// sent: <nil>
}

// Follow gives history first and then what comes, in one loop, across lost connections.
func ExampleClient_Follow() {
	stop := client.StartExampleNode()
	defer stop()
	c, err := client.New(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, item := range []string{"bread", "milk"} {
		if _, err := c.Publish(context.Background(), "org.example.dev.shop.sold", map[string]string{"item": item}); err != nil {
			log.Fatal(err)
		}
	}

	saved := fedmsg.Position{} // where an earlier run stood; none in the first
	for entry, err := range c.Follow(context.Background(), client.FollowOptions{After: saved, All: saved.IsZero()}) {
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			fmt.Println("missed", gap)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		var said struct{ Msg struct{ Item string } }
		if err := json.Unmarshal(entry.Envelope, &said); err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Position.Seq, entry.Topic, said.Msg.Item)
		saved = entry.Position
		if saved.Seq == 2 {
			break
		}
	}
	// Output:
	// 1 org.example.dev.shop.sold bread
	// 2 org.example.dev.shop.sold milk
}
