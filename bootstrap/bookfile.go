package bootstrap

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// bookVersion is written. Version 1 knew neither anchors nor how a peer was
// connected, and is read too.
const bookVersion = 2

// bookFile is the form of the peer book on disk.
type bookFile struct {
	Version int         `json:"version"`
	Peers   []bookPeer  `json:"peers"`   // sorted by id
	Anchors []string    `json:"anchors"` // of the peers, latest chosen last
	Entries []bookEntry `json:"entries"` // sorted by address
}

type bookPeer struct {
	ID        string   `json:"id"`
	Addresses []string `json:"addresses"`
	Seen      int64    `json:"seen"`            // Unix seconds
	Group     string   `json:"group,omitempty"` // subnet, "" on a LAN
	Tried     bool     `json:"tried,omitempty"` // was reached by dialling
}

type bookEntry struct {
	Entry string   `json:"entry"`
	IDs   []string `json:"ids"`
}

// openBook reads the book, or begins a new one. A node needs no book to run, so
// whatever is wrong with the file is a warning; a damaged one is kept aside.
func openBook(disk vfs.FS, path string, log *slog.Logger) *book {
	data, err := readBounded(disk, path)
	if errors.Is(err, fs.ErrNotExist) {
		return newBook()
	}
	if err != nil && !errors.Is(err, errBookSize) {
		log.Warn("peer book cannot be read, starting with an empty one", "path", path, "error", err)
		return newBook()
	}
	if err == nil {
		var b *book
		if b, err = decodeBook(data); err == nil {
			return b
		}
	}
	aside := path + ".damaged"
	if moved := disk.Rename(path, aside); moved != nil {
		log.Warn("peer book is damaged, starting with an empty one", "path", path, "error", err, "aside_error", moved)
		return newBook()
	}
	log.Warn("peer book is damaged, starting with an empty one", "path", path, "kept", aside, "error", err)
	return newBook()
}

var errBookSize = fmt.Errorf("larger than %d bytes", maxBookSize)

func readBounded(disk vfs.FS, path string) ([]byte, error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBookSize+1))
	if err == nil && len(data) > maxBookSize {
		err = errBookSize
	}
	return data, err
}

// decodeBook is strict: a book that our own encodeBook would not have written is
// an error, and nothing of it is used.
func decodeBook(data []byte) (*book, error) {
	var file bookFile
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	switch {
	case file.Version != 1 && file.Version != bookVersion:
		return nil, fmt.Errorf("version %d, want at most %d", file.Version, bookVersion)
	case len(file.Peers) > maxBookPeers:
		return nil, fmt.Errorf("%d peers, at most %d", len(file.Peers), maxBookPeers)
	case len(file.Entries) > maxBookEntries:
		return nil, fmt.Errorf("%d entries, at most %d", len(file.Entries), maxBookEntries)
	}
	b := newBook()
	for _, p := range file.Peers {
		if err := b.readPeer(p); err != nil {
			return nil, err
		}
	}
	if err := b.readAnchors(file.Anchors); err != nil {
		return nil, err
	}
	for _, e := range file.Entries {
		if err := b.readEntry(e); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *book) readPeer(p bookPeer) error {
	id, err := peer.Decode(p.ID)
	if err != nil {
		return fmt.Errorf("peer %q: %w", shorten(p.ID), err)
	}
	if _, twice := b.peers[id]; twice {
		return fmt.Errorf("peer %s: there twice", id)
	}
	if len(p.Addresses) == 0 || len(p.Addresses) > maxPeerAddrs {
		return fmt.Errorf("peer %s: %d addresses, want 1 to %d", id, len(p.Addresses), maxPeerAddrs)
	}
	if len(p.Group) > maxAddrSize {
		return fmt.Errorf("peer %s: a group of %d bytes, at most %d", id, len(p.Group), maxAddrSize)
	}
	if p.Seen < 0 || p.Seen > maxSeen {
		return fmt.Errorf("peer %s: seen at %d", id, p.Seen)
	}
	addrs := make([]ma.Multiaddr, len(p.Addresses))
	for i, text := range p.Addresses {
		if len(text) > maxAddrSize {
			return fmt.Errorf("peer %s: an address of %d bytes, at most %d", id, len(text), maxAddrSize)
		}
		if addrs[i], err = ma.NewMultiaddr(text); err != nil {
			return fmt.Errorf("peer %s: %w", id, err)
		}
	}
	b.peers[id] = &remembered{addrs: addrs, seen: time.Unix(p.Seen, 0), sight: sight{group: p.Group, tried: p.Tried}}
	return nil
}

func (b *book) readAnchors(texts []string) error {
	if len(texts) > maxAnchors {
		return fmt.Errorf("%d anchors, at most %d", len(texts), maxAnchors)
	}
	for _, text := range texts {
		id, err := peer.Decode(text)
		if err != nil {
			return fmt.Errorf("anchor %q: %w", shorten(text), err)
		}
		if _, known := b.peers[id]; !known || slices.Contains(b.anchors, id) {
			return fmt.Errorf("anchor %s: not a peer of the book, or there twice", id)
		}
		b.anchors = append(b.anchors, id)
	}
	return nil
}

const maxSeen = 253402300799 // Unix seconds; the last second of the year 9999

func (b *book) readEntry(e bookEntry) error {
	if _, twice := b.answers[e.Entry]; twice || len(e.Entry) > maxEntrySize {
		return fmt.Errorf("entry %q: there twice, or too long", shorten(e.Entry))
	}
	if len(e.IDs) == 0 || len(e.IDs) > maxEntryAnswers {
		return fmt.Errorf("entry %q: %d peers, want 1 to %d", e.Entry, len(e.IDs), maxEntryAnswers)
	}
	ids := make([]peer.ID, len(e.IDs))
	for i, text := range e.IDs {
		var err error
		if ids[i], err = peer.Decode(text); err != nil {
			return fmt.Errorf("entry %q: peer %q: %w", e.Entry, shorten(text), err)
		}
	}
	b.answers[e.Entry] = ids
	return nil
}

func encodeBook(b *book) ([]byte, error) {
	file := bookFile{Version: bookVersion}
	for id, p := range b.peers {
		addrs := make([]string, len(p.addrs))
		for i, a := range p.addrs {
			addrs[i] = a.String()
		}
		file.Peers = append(file.Peers, bookPeer{
			ID: id.String(), Addresses: addrs, Seen: min(max(p.seen.Unix(), 0), maxSeen), Group: p.group, Tried: p.tried,
		})
	}
	slices.SortFunc(file.Peers, func(a, b bookPeer) int { return strings.Compare(a.ID, b.ID) })
	for _, id := range b.anchors {
		file.Anchors = append(file.Anchors, id.String())
	}
	for _, text := range slices.Sorted(maps.Keys(b.answers)) {
		ids := make([]string, len(b.answers[text]))
		for i, id := range b.answers[text] {
			ids[i] = id.String()
		}
		file.Entries = append(file.Entries, bookEntry{Entry: text, IDs: ids})
	}
	return json.Marshal(file, jsontext.WithIndent("  "))
}

// saveBook replaces the file whole: a crash leaves the old one or the new one.
func saveBook(disk vfs.FS, path string, b *book) error {
	data, err := encodeBook(b)
	if err != nil {
		return fmt.Errorf("encode peer book: %w", err)
	}
	tmp := path + ".tmp"
	if err := writeSynced(disk, tmp, append(data, '\n')); err != nil {
		_ = disk.Remove(tmp)
		return fmt.Errorf("write peer book: %w", err)
	}
	if err := disk.Rename(tmp, path); err != nil {
		return fmt.Errorf("replace peer book: %w", err)
	}
	dir, err := disk.OpenDir(disk.PathDir(path))
	if err != nil {
		return fmt.Errorf("sync peer book: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeSynced(disk vfs.FS, path string, data []byte) error {
	f, err := disk.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
