package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbitServer is Debian's RabbitMQ, unprivileged, on the loopback interface, with a port mapper of its own.
type rabbitServer struct {
	*server
	epmd  *server
	conns []*amqp.Connection
}

// rabbitQueue is the durable classic queue of the comparison.
const rabbitQueue = "bench"

func (b *bench) theRabbit(ctx context.Context) (*rabbitServer, error) {
	if b.rabbit != nil {
		return b.rabbit, nil
	}
	var ports [3]int
	for i := range ports {
		p, err := freePort()
		if err != nil {
			return nil, err
		}
		ports[i] = p
	}
	dir := filepath.Join(b.dir, "rabbit")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config := fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\nlog.console = false\n", ports[0])
	if err := os.WriteFile(filepath.Join(dir, "rabbitmq.conf"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "plugins"), []byte("[].\n"), 0o600); err != nil {
		return nil, err
	}
	env := rabbitEnv(dir, ports[1], ports[2])
	epmd, err := startServer(filepath.Join(b.dir, "epmd.log"), env, "epmd", "-port", fmt.Sprint(ports[1]), "-address", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	s, err := startServer(filepath.Join(b.dir, "rabbit.log"), env, "/usr/lib/rabbitmq/bin/rabbitmq-server")
	if err != nil {
		return nil, errors.Join(err, epmd.stop())
	}
	r := &rabbitServer{server: s, epmd: epmd}
	b.rabbit = r
	return r, r.connect(ctx, fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", ports[0]))
}

// rabbitEnv keeps everything of the server in one directory.
func rabbitEnv(dir string, epmdPort, distPort int) []string {
	in := func(name string) string { return filepath.Join(dir, name) }
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8",
		"RABBITMQ_NODENAME=bench@localhost", "RABBITMQ_CONF_ENV_FILE=none",
		"RABBITMQ_MNESIA_BASE=" + in("mnesia"), "RABBITMQ_LOG_BASE=" + in("log"), "RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + in("plugins"), "RABBITMQ_PID_FILE=" + in("pid"),
		"RABBITMQ_GENERATED_CONFIG_DIR=" + in("generated"), "RABBITMQ_FEATURE_FLAGS_FILE=" + in("features"),
		"RABBITMQ_PLUGINS_EXPAND_DIR=" + in("expand"), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", distPort),
		fmt.Sprintf("ERL_EPMD_PORT=%d", epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1",
	}
}

// rabbitConnections is over how many connections the callers' channels are spread.
const rabbitConnections = 8

func (r *rabbitServer) connect(ctx context.Context, url string) error {
	for range rabbitConnections {
		err := r.await(ctx, 100*time.Millisecond, func() error {
			c, err := amqp.Dial(url)
			if err == nil {
				r.conns = append(r.conns, c)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	ch, err := r.conns[0].Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if _, err = ch.QueueDeclare(rabbitQueue, true, false, false, false, nil); err != nil {
		return err
	}
	r.pid = r.beam()
	return nil
}

// beam finds the server's real process: the child is a shell script.
func (r *rabbitServer) beam() int {
	pid := r.cmd.Process.Pid
	for {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			return pid
		}
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // an unknown name goes on to the children
		var child int
		if _, err := fmt.Sscan(string(children), &child); err != nil || strings.HasPrefix(string(name), "beam") {
			return pid
		}
		pid = child
	}
}

func (r *rabbitServer) stop() error {
	for _, c := range r.conns {
		_ = c.Close() // the server goes away next
	}
	return errors.Join(r.server.stop(), r.epmd.stop())
}

// publishRabbit has the callers publish persistent messages, each on an own channel, waiting for the confirm of each.
func publishRabbit(ctx context.Context, b *bench) (sample, error) {
	r, err := b.theRabbit(ctx)
	if err != nil {
		return sample{}, err
	}
	data := payload()
	return b.timed(ctx, r.server, callers, func(i int) (func() error, func(), error) {
		ch, err := r.conns[i%len(r.conns)].Channel()
		if err != nil {
			return nil, nil, err
		}
		if err := ch.Confirm(false); err != nil {
			return nil, nil, err
		}
		publish := func() error {
			c, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", rabbitQueue, false, false,
				amqp.Publishing{DeliveryMode: amqp.Persistent, Body: data})
			if err != nil {
				return err
			}
			if ok, err := c.WaitContext(ctx); err != nil || !ok {
				return fmt.Errorf("not confirmed: %w", err)
			}
			return nil
		}
		return publish, func() { ch.Close() }, nil
	})
}
