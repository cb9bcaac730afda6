package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/p2p"
)

const (
	bansFile     = "bans.json"
	bansVersion  = 1
	maxBansBytes = 1 << 20
)

// banList is the form of the bans on disk.
type banList struct {
	Version int        `json:"version"`
	Bans    []savedBan `json:"bans"`
}

type savedBan struct {
	ID     string    `json:"id"`
	Reason string    `json:"reason"`
	Detail string    `json:"detail"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Times  int       `json:"times"` // bans in a row; 0 is by hand
}

// loadBans returns the bans that the data directory keeps. A node needs none to
// run: whatever is wrong with the file is a warning, and a damaged one is kept
// aside.
func loadBans(disk vfs.FS, dir string, log *slog.Logger) []p2p.Ban {
	path := disk.PathJoin(dir, bansFile)
	raw, err := readBans(disk, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var bans []p2p.Ban
	if err == nil {
		bans, err = decodeBans(raw)
	}
	if err != nil {
		aside := path + ".damaged"
		log.Warn("list of bans is damaged, starting with none", "path", path, "kept", aside, "error", err)
		if err := disk.Rename(path, aside); err != nil {
			log.Warn("damaged list of bans stays where it is", "path", path, "error", err)
		}
		return nil
	}
	return bans
}

func readBans(disk vfs.FS, path string) ([]byte, error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxBansBytes+1))
	if err == nil && len(raw) > maxBansBytes {
		err = fmt.Errorf("larger than %d bytes", maxBansBytes)
	}
	return raw, err
}

// decodeBans is strict: of a list that saveBans would not have written nothing
// is used.
func decodeBans(raw []byte) ([]p2p.Ban, error) {
	var list banList
	if err := json.Unmarshal(raw, &list, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	switch {
	case list.Version != bansVersion:
		return nil, fmt.Errorf("version %d, want %d", list.Version, bansVersion)
	case len(list.Bans) > p2p.MaxBans:
		return nil, fmt.Errorf("%d bans, at most %d", len(list.Bans), p2p.MaxBans)
	}
	bans := make([]p2p.Ban, len(list.Bans))
	for i, b := range list.Bans {
		id, err := peer.Decode(b.ID)
		if err != nil {
			return nil, fmt.Errorf("peer %.80q: %w", b.ID, err)
		}
		if len(b.Detail) > p2p.MaxBanDetail || len(b.Reason) > p2p.MaxBanDetail || b.Times < 0 || b.Until.Before(b.Since) {
			return nil, fmt.Errorf("ban of %s: it cannot be", id)
		}
		bans[i] = p2p.Ban{ID: id, Reason: p2p.Reason(b.Reason), Detail: b.Detail, Since: b.Since, Until: b.Until, Times: b.Times}
	}
	return bans, nil
}

// saveBans replaces the list whole.
func saveBans(disk vfs.FS, dir string, bans []p2p.Ban) error {
	list := banList{Version: bansVersion, Bans: make([]savedBan, len(bans))}
	for i, b := range bans {
		list.Bans[i] = savedBan{b.ID.String(), string(b.Reason), b.Detail, b.Since.UTC(), b.Until.UTC(), b.Times}
	}
	raw, err := json.Marshal(list, jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("encode bans: %w", err)
	}
	return writeSecret(disk, dir, bansFile, string(raw)+"\n")
}
