package fedmsg

import "time"

// Delivery is how far one sink of a node is with one entry. Fields are only ever added.
type Delivery struct {
	Sink   string        `json:"sink"`
	State  DeliveryState `json:"state"`
	Time   time.Time     `json:"time,omitzero"`    // of delivered: by when it was, to the second; of dead: when the sink gave up
	Reason string        `json:"reason,omitempty"` // of pending: why not yet, if it is known; of dead, skipped, unknown and remarks: why
}

// DeliveryState says what became of an entry at one sink.
type DeliveryState string

// The states of a [Delivery].
const (
	DeliveryDelivered DeliveryState = "delivered"  // the other side has acknowledged it
	DeliveryPending   DeliveryState = "pending"    // it is still to be delivered
	DeliveryDead      DeliveryState = "dead"       // it was given up and lies with the dead letters
	DeliverySkipped   DeliveryState = "skipped"    // it was too old, the sink was moved past it, its dead letter was dropped
	DeliveryNotWanted DeliveryState = "not_wanted" // the sink's topics or filter leave it out
	DeliveryUnknown   DeliveryState = "unknown"    // the sink is past it, and whether it was delivered is written down nowhere
)
