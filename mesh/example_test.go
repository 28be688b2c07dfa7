package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/federated-messaging/fedmsg/mesh"
)

// A publisher announces itself in a file that all share, and whoever reads the file hears it. Numbers make sure of what the
// network loses: here the subscriber comes late, and asks for what it missed.
func Example() {
	dir, err := os.MkdirTemp("", "mesh")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	p, err := mesh.NewPublisher(mesh.PublisherOptions{
		Name: "shop.host1", Host: "127.0.0.1", Ports: "0", File: dir + "/endpoints", State: dir + "/state",
		TopicPrefix: "org.example", Environment: "prod", Modname: "shop",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for _, item := range []string{"bread", "milk", "salt"} {
		if _, err := p.Publish(context.Background(), "sold", map[string]string{"item": item}); err != nil {
			log.Fatal(err)
		}
	}

	saved := map[string]uint64{"shop.host1": 1} // up to where an earlier run heard the service
	for m, err := range mesh.Subscribe(context.Background(), mesh.SubscribeOptions{File: dir + "/endpoints", After: saved, Replay: true}) {
		if gap, ok := errors.AsType[*mesh.Gap](err); ok {
			fmt.Println("missed", gap)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Service, m.SeqID, m.Topic)
		saved[m.Service] = m.SeqID
		if m.SeqID == 3 {
			break
		}
	}
	// Output:
	// shop.host1 2 org.example.prod.shop.sold
	// shop.host1 3 org.example.prod.shop.sold
}
