package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/federated-messaging/fedmsg"
)

// fileFormat is the number of the form in which this version writes. It reads every older one.
const fileFormat = 1

const (
	maxTokens    = 1000    // each lookup compares with all of them
	maxFileBytes = 4 << 20 // far more than maxTokens take
)

// file is the JSON of tokens.json.
type file struct {
	Format int     `json:"format"`
	Tokens []Token `json:"tokens"`
}

// Read gives the tokens of the file at path, in the order in which they were made. No file is no tokens. It fails with
// CodeForbidden when the caller may not read the file, and with CodeConfig when others than the owner may read or write it,
// or when it does not make sense.
func Read(path string) ([]Token, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, notOpened(err, path)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot look at %s", path)
	}
	return read(f, info, path)
}

// notOpened says why the file at path cannot be opened.
func notOpened(err error, path string) error {
	if errors.Is(err, fs.ErrPermission) {
		return fedmsg.WrapError(fedmsg.CodeForbidden, err, "the tokens in %s are not yours to read; run as its owner", path)
	}
	return fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot open the tokens in %s", path)
}

// read is Read of a file that is open.
func read(f io.Reader, info fs.FileInfo, path string) ([]Token, error) {
	switch {
	case !info.Mode().IsRegular():
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s is open to others (mode %04o), so its tokens are refused; chmod 600 it, and revoke what they may have changed", path, info.Mode().Perm())
	case info.Size() > maxFileBytes:
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s has %d bytes; %d are allowed", path, info.Size(), maxFileBytes)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes))
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read %s", path)
	}
	return parse(data, path)
}

func parse(data []byte, path string) ([]Token, error) {
	// The number comes first: a newer form may have what this version would call unknown.
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "%s is not JSON; restore it from a backup, or remove it and make new tokens", path)
	}
	if head.Format > fileFormat {
		return nil, fedmsg.Errorf(fedmsg.CodeFormat, "%s has format %d and this version knows formats up to %d; use a newer fedmsg", path, head.Format, fileFormat)
	}
	var w file
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // a misspelt "expires" must not become a token that never ends
	if err := d.Decode(&w); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "%s does not make sense; restore it from a backup, or remove it and make new tokens", path)
	}
	if head.Format < 1 || len(w.Tokens) > maxTokens {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "%s has format %d and %d tokens; formats begin at 1, and %d tokens are allowed", path, head.Format, len(w.Tokens), maxTokens)
	}
	return w.Tokens, checkTokens(w.Tokens, path)
}

func checkTokens(tokens []Token, path string) error {
	names := make(map[string]bool, len(tokens))
	for i := range tokens {
		t := &tokens[i]
		if err := CheckName(t.Name); err != nil {
			return fedmsg.WrapError(fedmsg.CodeConfig, err, "token %d of %s has a bad name", i+1, path)
		}
		if names[t.Name] || t.SHA256 == (Hash{}) {
			return fedmsg.Errorf(fedmsg.CodeConfig, "token %s of %s stands there twice or has no sha256", t.Name, path)
		}
		names[t.Name] = true
	}
	return nil
}
