package debian

import (
	"strings"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// Changes is the fields of a .changes under their own names. Of an upload whose .changes is not in the mail only Source, Version and
// Architecture are known.
type Changes struct {
	Format          string     `json:"Format,omitempty"`
	Date            string     `json:"Date,omitempty"`
	Source          string     `json:"Source"` // the name alone
	Binary          string     `json:"Binary,omitempty"`
	BinaryOnly      string     `json:"Binary-Only,omitempty"`
	Architecture    string     `json:"Architecture,omitempty"`
	Version         string     `json:"Version"`
	Distribution    string     `json:"Distribution,omitempty"`
	Urgency         string     `json:"Urgency,omitempty"`
	Maintainer      string     `json:"Maintainer,omitempty"`
	ChangedBy       string     `json:"Changed-By,omitempty"`
	Description     string     `json:"Description,omitempty"`
	Closes          string     `json:"Closes,omitempty"`
	Changes         string     `json:"Changes,omitempty"`
	ChecksumsSHA1   []Checksum `json:"Checksums-Sha1,omitempty"`
	ChecksumsSHA256 []Checksum `json:"Checksums-Sha256,omitempty"`
	Files           []File     `json:"Files,omitempty"`
	Cut             bool       `json:"cut,omitempty"` // a field, or what the archive says, is longer than what is published
}

// Checksum is a line of Checksums-Sha1 or Checksums-Sha256.
type Checksum struct {
	SHA1   string `json:"sha1,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Size   string `json:"size"` // bytes, as written
	Name   string `json:"name"`
}

// File is a line of Files.
type File struct {
	MD5      string `json:"md5sum"`
	Size     string `json:"size"` // bytes, as written
	Section  string `json:"section"`
	Priority string `json:"priority"`
	Name     string `json:"name"`
}

// findChanges finds the .changes in a mail: clear-signed in its text, or plain. Without one, found is false.
func findChanges(m *mailmsg.Mail) (c Changes, signed *mailmsg.Signed, found bool) {
	for _, s := range m.Signed(maxChanges) {
		if p := readParagraph(s.Text); s.Clear && isChanges(p) {
			return readChanges(p), &s, true
		}
	}
	text, _ := m.Text(maxChanges)
	for from := 0; ; {
		i := strings.Index(text[from:], "Format: 1.")
		if i < 0 {
			return c, nil, false
		}
		from += i
		if from == 0 || text[from-1] == '\n' {
			if p := readParagraph(text[from:]); isChanges(p) {
				return readChanges(p), nil, true
			}
			return c, nil, false
		}
		from++
	}
}

// isChanges tells whether this is a .changes and not some other signed text.
func isChanges(p paragraph) bool {
	return strings.HasPrefix(p.fields["Format"], "1.") && p.fields["Changes"] != ""
}

// readChanges takes the fields that are published.
func readChanges(p paragraph) Changes {
	f := p.fields
	name, _, _ := strings.Cut(f["Source"], " ") // a rebuild has the version of its source behind it
	c := Changes{
		Format: f["Format"], Date: f["Date"], Source: name, Binary: f["Binary"], BinaryOnly: f["Binary-Only"],
		Architecture: f["Architecture"], Version: f["Version"], Distribution: f["Distribution"], Urgency: f["Urgency"],
		Maintainer: f["Maintainer"], ChangedBy: f["Changed-By"], Description: f["Description"], Closes: f["Closes"],
		Changes: f["Changes"], Cut: p.cut,
	}
	for _, f := range words(p, "Checksums-Sha1", 3) {
		c.ChecksumsSHA1 = append(c.ChecksumsSHA1, Checksum{SHA1: f[0], Size: f[1], Name: f[2]})
	}
	for _, f := range words(p, "Checksums-Sha256", 3) {
		c.ChecksumsSHA256 = append(c.ChecksumsSHA256, Checksum{SHA256: f[0], Size: f[1], Name: f[2]})
	}
	for _, f := range words(p, "Files", 5) {
		c.Files = append(c.Files, File{MD5: f[0], Size: f[1], Section: f[2], Priority: f[3], Name: f[4]})
	}
	return c
}

// words divides the lines of a field; a line that has not n words is passed over.
func words(p paragraph, name string, n int) [][]string {
	var all [][]string
	for _, line := range p.lines(name) {
		if f := strings.Fields(line); len(f) == n {
			all = append(all, f)
		}
	}
	return all
}
