package node

import (
	"bytes"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/test"

	"github.com/lp2pnode/lp2pnode/p2p"
)

func bansDisk(t *testing.T) vfs.FS {
	t.Helper()
	disk := vfs.NewMem()
	if err := disk.MkdirAll("/data", 0o700); err != nil {
		t.Fatal(err)
	}
	return disk
}

func someBans(t testing.TB, count int) []p2p.Ban {
	since := time.Date(2026, 11, 28, 9, 0, 0, 123, time.UTC)
	bans := make([]p2p.Ban, count)
	for i := range bans {
		bans[i] = p2p.Ban{
			ID: test.RandPeerIDFatal(t), Reason: p2p.ReasonBadBlock, Detail: strings.Repeat("ü\"", p2p.MaxBanDetail/3),
			Since: since, Until: since.Add(time.Duration(i) * time.Hour), Times: i,
		}
	}
	return bans
}

func TestBansAreKeptOverARestart(t *testing.T) {
	disk := bansDisk(t)
	log := slog.New(slog.DiscardHandler)
	if got := loadBans(disk, "/data", log); got != nil {
		t.Fatalf("a new directory has bans: %v", got)
	}
	for _, count := range []int{p2p.MaxBans, 3, 0} {
		want := someBans(t, count)
		if err := saveBans(disk, "/data", want); err != nil {
			t.Fatal(err)
		}
		if got := loadBans(disk, "/data", log); !reflect.DeepEqual(got, want) {
			t.Errorf("of %d bans %d came back", count, len(got))
		}
	}
}

func TestDamagedBansAreKeptAsideWithAWarning(t *testing.T) {
	disk := bansDisk(t)
	if err := saveBans(disk, "/data", someBans(t, 1)); err != nil {
		t.Fatal(err)
	}
	f, err := disk.Open("/data/bans.json")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	for name, text := range map[string]string{
		"cut off":         good[:len(good)/2],
		"unknown field":   strings.Replace(good, `"times"`, `"thymes"`, 1),
		"no peer id":      strings.Replace(good, `"id": "`, `"id": "x`, 1),
		"other version":   strings.Replace(good, `"version": 1`, `"version": 9`, 1),
		"too large":       good + strings.Repeat(" ", maxBansBytes),
		"negative count":  strings.Replace(good, `"times": 0`, `"times": -1`, 1),
		"endless promise": strings.Replace(good, `"until": "2026`, `"until": "1926`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if text == good {
				t.Fatal("nothing was damaged")
			}
			if err := writeSecret(disk, "/data", bansFile, text); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if got := loadBans(disk, "/data", slog.New(slog.NewTextHandler(&out, nil))); len(got) != 0 {
				t.Errorf("of a damaged list %v was used", got)
			}
			if _, err := disk.Stat("/data/bans.json.damaged"); err != nil || strings.Count(out.String(), "level=WARN") != 1 {
				t.Errorf("kept aside: %v; told: %s", err, &out)
			}
		})
	}
}

func FuzzBans(f *testing.F) {
	f.Add([]byte(`{"version":1,"bans":[{"id":"12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN","reason":"bad block","detail":"","since":"2026-11-28T09:00:00Z","until":"2026-11-28T10:00:00Z","times":1}]}`))
	f.Add([]byte(`{"version":1,"bans":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		bans, err := decodeBans(raw)
		if err != nil {
			return
		}
		disk := bansDisk(t)
		if err := saveBans(disk, "/data", bans); err != nil {
			return // years that JSON has no form for
		}
		again, err := readBans(disk, "/data/bans.json")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeBans(again); err != nil || len(got) != len(bans) {
			t.Errorf("%d bans came back as %d: %v", len(bans), len(got), err)
		}
	})
}
