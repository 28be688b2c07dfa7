package wire

import (
	"testing"
	"time"
)

func TestEnvelopeTime(t *testing.T) {
	for timestamp, want := range map[string]string{
		"1700000000":   "2023-11-14T22:13:20Z",
		"1700000000.5": "2023-11-14T22:13:20.5Z",
		"1.7e9":        "2023-11-14T22:13:20Z",
		"0":            "1970-01-01T00:00:00Z",
		"-0.5":         "1969-12-31T23:59:59.5Z",
		"1e300":        "9999-12-31T23:59:59Z",
		"1e999":        "9999-12-31T23:59:59Z",
		"Infinity":     "9999-12-31T23:59:59Z",
		"NaN":          "",
		"null":         "",
		"":             "",
	} {
		e := Envelope{Timestamp: []byte(timestamp)}
		at, known := e.Time()
		if got := at.Format(time.RFC3339Nano); known != (want != "") || known && got != want {
			t.Errorf("%q: %s, %v, want %s", timestamp, got, known, want)
		}
	}
	if at, known := (&Envelope{Timestamp: []byte("-1e300")}).Time(); !known || at.After(time.Time{}) {
		t.Errorf("-1e300: %s, %v", at, known)
	}
}
