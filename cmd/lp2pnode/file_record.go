package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// maxEmbedBytes bounds a file that is recorded whole: no chain takes more data.
const maxEmbedBytes = 8 << 20

// fileRecord is the data of a transaction that records a file, as canonical
// JSON (protocol §1). Of text and base64 there is at most one: the content, as
// text where it is UTF-8.
type fileRecord struct {
	Base64 string     `json:"base64,omitzero"` // standard, padded
	Name   string     `json:"name"`            // without directories
	SHA256 chain.Hash `json:"sha256"`          // of the content
	Size   uint64     `json:"size"`            // of the content, in bytes
	Text   string     `json:"text,omitzero"`
}

// recordFile returns the record of a file, with its content if embed is true.
func recordFile(path string, embed bool) (string, error) {
	r := fileRecord{Name: filepath.Base(path)}
	if !utf8.ValidString(r.Name) {
		return "", fmt.Errorf("%q: want a name in UTF-8", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var content bytes.Buffer
	var copied io.Writer = io.Discard
	if embed {
		copied = &atMost{&content, maxEmbedBytes}
	}
	r.SHA256, r.Size, err = digest(io.TeeReader(f, copied))
	if errors.Is(err, errTooMuch) {
		return "", fmt.Errorf("%s has more than %d bytes, too much for a record: leave out --embed", path, maxEmbedBytes)
	}
	if err != nil {
		return "", err
	}
	if raw := content.Bytes(); utf8.Valid(raw) {
		r.Text = string(raw)
	} else {
		r.Base64 = base64.StdEncoding.EncodeToString(raw)
	}
	data, err := canonical.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("record %s: %w", path, err)
	}
	return string(data), nil
}

// digest reads to the end and returns SHA-256 and length of what it read.
func digest(from io.Reader) (chain.Hash, uint64, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, from)
	return chain.Hash(sum.Sum(nil)), uint64(n), err
}

var errTooMuch = errors.New("too much")

// atMost is a writer that fails where it has taken its number of bytes.
type atMost struct {
	to   *bytes.Buffer
	room int
}

func (w *atMost) Write(p []byte) (int, error) {
	if w.to.Len()+len(p) > w.room {
		return 0, errTooMuch
	}
	return w.to.Write(p)
}

// checkFile returns the record that data holds, after comparing a file with
// it.
func checkFile(path, data string) (fileRecord, error) {
	r, err := parseFileRecord(data)
	if err != nil {
		return r, err
	}
	f, err := os.Open(path)
	if err != nil {
		return r, asUsage(err)
	}
	defer f.Close()
	sum, size, err := digest(f)
	switch {
	case err != nil:
		return r, fmt.Errorf("read %s: %w", path, err)
	case size != r.Size:
		return r, fmt.Errorf("%s is not the file recorded: want %d bytes, got %d", path, r.Size, size)
	case sum != r.SHA256:
		return r, fmt.Errorf("%s is not the file recorded: want SHA-256 %s, got %s", path, r.SHA256, sum)
	}
	return r, nil
}

// parseFileRecord reads a transaction's data.
func parseFileRecord(data string) (fileRecord, error) {
	var r fileRecord
	if err := canonical.Unmarshal([]byte(data), &r); err != nil {
		return r, fmt.Errorf("the transaction records no file: want data like %s, got %.60q", `{"name":…,"sha256":…,"size":…}`, data)
	}
	return r, nil
}
