package main

import (
	"context"
	"fmt"
	"slices"
)

// row is one line of the table: what must be reached, and what of the medians says whether it was.
type row struct {
	needs   []string // contenders without which the row says nothing
	what    string
	reach   string
	reached func(m func(string) sample) (text string, ok bool)
}

// stages gives everything that is measured, in the order of the table.
func stages() []stage {
	return append([]stage{
		logStage(), publishStage(), catchUpStage(), streamStage(), processStage(),
		acceptStage(), coresStage(), oldFormStage(), endToEndStage(), compromisedStage(),
	}, slices.Concat(zmqStages(), sinkStages(), []stage{mailStage(), pollStage()}, archiveStages())...)
}

func logStage() stage {
	return stage{
		title: fmt.Sprintf("log, batches of %d, synced each", batch),
		contenders: []contender{
			{name: "log-append", title: "commit log, the next batch submitted while one is written", run: streamLog},
			{name: "log-alone", title: "commit log, a lone caller that waits for each batch", run: writeLog},
			{name: "bare-file", title: "bare write + fdatasync of the same bytes", peer: true, run: writeBare},
		},
		rows: []row{
			{[]string{"log-append", "bare-file"}, "commitlog, batches of 100, fsync each", "≥ 0.7 × bare write+fsync of the same bytes", ofBare("log-append")},
			{[]string{"log-alone", "bare-file"}, "the same, a lone caller that waits for each", "–", ofBare("log-alone")},
		},
	}
}

// ofBare compares a way of writing the log with the bare file.
func ofBare(name string) func(func(string) sample) (string, bool) {
	return func(m func(string) sample) (string, bool) {
		r := m(name).rate / m("bare-file").rate
		return fmt.Sprintf("%.2f × (%s/s)", r, thousands(m(name).rate)), r >= 0.7
	}
}

func publishStage() stage {
	peers := []string{"jetstream", "rabbitmq"}
	against := func(name string, js, rabbit float64, more func(sample) (string, bool)) func(func(string) sample) (string, bool) {
		return func(m func(string) sample) (string, bool) {
			own := m(name)
			j, r := own.rate/m("jetstream").rate, own.rate/m("rabbitmq").rate
			text, ok := more(own)
			return fmt.Sprintf("%s/s: %.1f × JetStream, %.1f × RabbitMQ%s", thousands(own.rate), j, r, text), ok && j >= js && r >= rabbit
		}
	}
	nothing := func(sample) (string, bool) { return "", true }
	return stage{
		title: "durable publish, 1 KB, unsigned as the other brokers' unless it says signed",
		contenders: []contender{
			{name: "publish-http", title: "fedmsg, 64 callers, one plain HTTP request each, unix socket", run: on(plain, publishHTTP)},
			{name: "publish-client", title: "fedmsg, 64 goroutines through `client`", run: on(plain, publishClient)},
			{name: "publish-ndjson", title: "fedmsg, NDJSON, 4 connections", run: on(plain, publishNDJSON)},
			{name: "publish-http-signed", title: "as publish-http, each message signed by the node", run: on(signing, publishHTTP)},
			{name: "publish-client-signed", title: "as publish-client, each message signed by the node", run: on(signing, publishClient)},
			{name: "publish-ndjson-signed", title: "as publish-ndjson, each message signed by the node", run: on(signing, publishNDJSON)},
			{name: "jetstream", title: "NATS JetStream, 64 callers, sync_interval: always", peer: true, run: publishNATS},
			{name: "rabbitmq", title: "RabbitMQ, 64 callers, durable classic queue, persistent, confirms", peer: true, run: publishRabbit},
		},
		rows: []row{
			{append([]string{"publish-http"}, peers...), "durable publish, 64 callers, one plain HTTP request each, unix socket", "≥ 2 × JetStream, ≥ 2 × RabbitMQ; ≤ 60 µs node CPU",
				against("publish-http", 2, 2, func(s sample) (string, bool) {
					return fmt.Sprintf("; %.1f µs node CPU", float64(s.cpu)/1e3), s.cpu.Microseconds() <= 60
				})},
			{append([]string{"publish-client"}, peers...), "durable publish, 64 goroutines through `client`", "≥ 5 × JetStream, ≥ 4 × RabbitMQ", against("publish-client", 5, 4, nothing)},
			{append([]string{"publish-ndjson"}, peers...), "durable publish, NDJSON, 4 connections", "≥ 20 × JetStream with 64 callers; ≥ 100,000/s",
				against("publish-ndjson", 20, 0, func(s sample) (string, bool) { return "", s.rate >= 100_000 })},
			{[]string{"publish-http-signed", "publish-http"}, "the same, each message signed by the node: plain HTTP", "–", beside("publish-http")},
			{[]string{"publish-client-signed", "publish-client"}, "… `client`", "–", beside("publish-client")},
			{[]string{"publish-ndjson-signed", "publish-ndjson"}, "… NDJSON", "–", beside("publish-ndjson")},
		},
	}
}

// on gives a node of a flavour to what measures one.
func on(f flavour, run func(context.Context, *bench, flavour) (sample, error)) func(context.Context, *bench) (sample, error) {
	return func(ctx context.Context, b *bench) (sample, error) { return run(ctx, b, f) }
}

// beside shows the signed contender beside the unsigned one; nothing is to be reached.
func beside(unsigned string) func(func(string) sample) (string, bool) {
	return func(m func(string) sample) (string, bool) {
		s, u := m(unsigned+"-signed"), m(unsigned)
		return fmt.Sprintf("%s/s, %.1f µs node CPU (unsigned %s/s, %.1f µs)", thousands(s.rate), micros(s.cpu), thousands(u.rate), micros(u.cpu)), true
	}
}

func catchUpStage() stage {
	return stage{
		title: "catch-up over the whole log",
		contenders: []contender{
			{name: "catchup-http", title: "NDJSON over HTTP, a counting reader", run: catchUpHTTP},
			{name: "catchup-client", title: "`client.Follow`", run: catchUpClient},
		},
		rows: []row{
			{[]string{"catchup-http"}, "catch-up over HTTP NDJSON", "≥ 500,000/s", atLeast("catchup-http", 500_000)},
			{[]string{"catchup-client"}, "catch-up through `client.Follow`", "≥ 250,000/s", atLeast("catchup-client", 250_000)},
		},
	}
}

func streamStage() stage {
	return stage{
		title: "live readers",
		contenders: []contender{
			{name: "sse-live", title: "1,000 live SSE readers, deliveries, publishing as fast as it goes", run: liveSSE},
			{name: "sse-paced", title: fmt.Sprintf("1,000 live SSE readers, deliveries of %d messages a second one by one (%s/s are offered)", pacedRate, thousands(pacedRate*liveReaders)), run: pacedSSE},
			{name: "sse-idle", title: "10,000 idle SSE readers, memory of the node", run: idleSSE},
		},
		rows: []row{
			{[]string{"sse-live"}, "1,000 live SSE readers", "≥ 150,000 deliveries/s", atLeast("sse-live", 150_000)},
			{[]string{"sse-paced"}, "the same, messages one by one", "≥ 150,000 deliveries/s", atLeast("sse-paced", 150_000)},
			{[]string{"sse-idle"}, "10,000 idle SSE readers", "≤ 8 KB a reader, ≤ 120 MB in all", func(m func(string) sample) (string, bool) {
				s := m("sse-idle")
				return fmt.Sprintf("%.1f KB a reader, %.0f MB in all", float64(s.each)/1e3, float64(s.size)/1e6), s.each <= 8192 && s.size <= 120e6
			}},
		},
	}
}

func processStage() stage {
	return stage{
		title: "processes",
		contenders: []contender{
			{name: "publish-once", title: "one-shot `fedmsg publish`, median of 100", run: oneShot},
			{name: "true", title: "/bin/true, median of 100", peer: true, run: doNothing},
			{name: "idle-node", title: "idle node, memory", run: idleNode},
			{name: "start", title: "start on 1,000,000 messages until ready", run: startFilled},
		},
		rows: []row{
			{[]string{"publish-once"}, "one-shot `fedmsg publish`", "≤ 10 ms", atMost("publish-once", 10)},
			{[]string{"idle-node"}, "idle node", "≤ 20 MB", func(m func(string) sample) (string, bool) {
				return fmt.Sprintf("%.1f MB", float64(m("idle-node").size)/1e6), m("idle-node").size <= 20e6
			}},
			{[]string{"start"}, "start on 1,000,000 messages", "≤ 1 s", atMost("start", 1000)},
		},
	}
}

func atLeast(name string, rate float64) func(func(string) sample) (string, bool) {
	return func(m func(string) sample) (string, bool) {
		return thousands(m(name).rate) + "/s", m(name).rate >= rate
	}
}

func atMost(name string, ms float64) func(func(string) sample) (string, bool) {
	return func(m func(string) sample) (string, bool) {
		took := float64(m(name).span) / 1e6
		return fmt.Sprintf("%.1f ms", took), took <= ms
	}
}
