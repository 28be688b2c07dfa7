package httpapi

import "time"

// StreamConfig bounds the streams of GET /v1/stream. Start from [DefaultStreamConfig]; every field must be above zero.
type StreamConfig struct {
	// Max is the number of streams that may be open at once.
	Max int
	// Heartbeat is the silence after which a reader is told where it stands.
	Heartbeat time.Duration
	// PassedOver is the number of unwanted entries after which a reader is told where it stands.
	PassedOver int
	// WriteTimeout is how long a reader may take nothing before it is cut; it may resume.
	WriteTimeout time.Duration
	// BufferBytes bounds the big write buffers of readers that catch up, all together. Beside them each reader that is
	// being written to holds 8 KiB, or one entry if that is larger.
	BufferBytes int
}

// DefaultStreamConfig is what holds where nothing is configured.
func DefaultStreamConfig() StreamConfig {
	return StreamConfig{
		Max:          16000,
		Heartbeat:    15 * time.Second,
		PassedOver:   10000,
		WriteTimeout: 30 * time.Second,
		BufferBytes:  16 << 20,
	}
}

// Validate names every key that is wrong.
func (c *StreamConfig) Validate() error {
	return aboveZero([]number{
		{"stream.max", int64(c.Max)}, {"stream.heartbeat", int64(c.Heartbeat)}, {"stream.passed_over", int64(c.PassedOver)},
		{"stream.write_timeout", int64(c.WriteTimeout)}, {"stream.buffer_bytes", int64(c.BufferBytes)},
	})
}
