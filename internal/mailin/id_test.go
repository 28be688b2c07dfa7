package mailin

import (
	"slices"
	"testing"
)

// TestPassing holds that what filters, servers and mailboxes write into a mail on its way leaves its id as it is.
func TestPassing(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(passing()) {
		t.Error("the fields are not in order, and some are not found")
	}
	id, _, _ := one(t, []byte(bug))
	for _, field := range []string{
		"DKIM-Filter: OpenDKIM Filter v2.11.0 mx.example.org 4A1", "X-Amavis-Alert: BAD HEADER", "X-Sieve: CMU Sieve 2.4",
		"X-Cyrus-Session-Id: cyrus-1-2", "X-Scanned-By: MIMEDefang 2.84", "X-Bogosity: Ham, tests=bogofilter", "X-DSPAM-Result: Innocent",
		"X-Barracuda-Spam-Score: 0.00", "X-MS-Exchange-Organization-SCL: -1", "X-Gm-Message-State: AOJu0Y", "X-Google-Smtp-Source: AGHT",
		"X-Forwarded-To: debmails@example.org", "X-Spam-Flag: NO", "X-UID: 12",
	} {
		if got, _, _ := one(t, []byte(field+"\n"+bug)); got != id {
			t.Errorf("%s: the mail is another message", field)
		}
	}
}
