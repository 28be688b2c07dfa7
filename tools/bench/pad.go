package main

import (
	"fmt"
	"strings"
)

// envelopeRoom is what a node's envelope has around the body of these messages: names, id, time, counters.
const envelopeRoom = 270

// submission is a message as a publisher sends it, whose envelope has about messageBytes.
func submission() string {
	return fmt.Sprintf(`{"topic":%q,"msg":%s}`, benchTopic, body())
}

// body is the JSON object inside.
func body() string {
	return fmt.Sprintf(`{"build":4711,"state":"done","text":%q}`, strings.Repeat("lorem ipsum ", 100)[:messageBytes-envelopeRoom])
}

// payload is the same amount for brokers that know no envelope.
func payload() []byte { return []byte(strings.Repeat("x", messageBytes)) }
