package bootstrap

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func someIDs(t *testing.T, n int) []peer.ID {
	t.Helper()
	ids := make([]peer.ID, n)
	for i := range ids {
		id, err := throwAwayID()
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

func someAddrs(n int) []ma.Multiaddr {
	addrs := make([]ma.Multiaddr, n)
	for i := range addrs {
		addrs[i] = ma.StringCast(fmt.Sprintf("/ip4/10.0.%d.%d/tcp/9470", i/256, i%256))
	}
	return addrs
}

func writeFile(t *testing.T, disk vfs.FS, path, text string) {
	t.Helper()
	if err := writeSynced(disk, path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, disk vfs.FS, path string) string {
	t.Helper()
	f, err := disk.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPeerBookIsReadAsItWasWritten(t *testing.T) {
	disk := vfs.NewMem()
	b := newBook()
	now := time.Unix(1_793_491_200, 0)
	ids := someIDs(t, 3)
	b.meet(ids[0], someAddrs(2), sight{}, now)
	b.meet(ids[1], someAddrs(1), sight{}, now.Add(time.Hour))
	b.answered("/dns4/bootstrap/tcp/9470", ids[1:])
	if err := saveBook(disk, "peers.json", b); err != nil {
		t.Fatal(err)
	}
	again := openBook(disk, "peers.json", (&logbook{}).logger())
	if len(again.peers) != 2 || !sameAddrs(again.peers[ids[0]].addrs, someAddrs(2)) || !again.peers[ids[1]].seen.Equal(now.Add(time.Hour)) {
		t.Fatalf("peers: %v", again.peers)
	}
	if got := again.answers["/dns4/bootstrap/tcp/9470"]; len(got) != 2 || got[0] != ids[1] || got[1] != ids[2] {
		t.Fatalf("answers: %v", got)
	}
	if again.dirty {
		t.Fatal("a book just read is dirty")
	}
}

func TestPeerBookIsBounded(t *testing.T) {
	disk := vfs.NewMem()
	b := newBook()
	now := time.Unix(1_793_491_200, 0)
	ids := someIDs(t, maxBookPeers+10)
	for i, id := range ids {
		b.meet(id, someAddrs(20), sight{}, now.Add(time.Duration(i)*time.Second))
		b.answered(fmt.Sprint("/dns4/host", i, "/tcp/1"), ids[:40])
	}
	if len(b.peers) != maxBookPeers || len(b.answers) != maxBookEntries {
		t.Fatalf("%d peers, %d entries", len(b.peers), len(b.answers))
	}
	if _, kept := b.peers[ids[9]]; kept {
		t.Fatal("one not seen for longest was kept")
	}
	if _, kept := b.peers[ids[10]]; !kept {
		t.Fatal("one seen later was forgotten")
	}
	if err := saveBook(disk, "peers.json", b); err != nil {
		t.Fatal(err)
	}
	again := openBook(disk, "peers.json", (&logbook{}).logger())
	if len(again.peers) != maxBookPeers || len(again.peers[ids[10]].addrs) != maxPeerAddrs {
		t.Fatal("a full book was not read again")
	}
}

func TestDamagedPeerBookIsAWarningAndKeptAside(t *testing.T) {
	good := `{"version":1,"peers":[{"id":"` + someID + `","addresses":["/ip4/10.0.0.1/tcp/1"],"seen":5}],"entries":[]}`
	for name, text := range map[string]string{
		"empty":           "",
		"torn":            good[:40],
		"zeroes":          string(make([]byte, 4096)),
		"more after it":   good + "{}",
		"unknown field":   strings.Replace(good, `"seen"`, `"scene"`, 1),
		"field twice":     strings.Replace(good, `"seen":5`, `"seen":5,"seen":6`, 1),
		"other version":   strings.Replace(good, `"version":1`, `"version":3`, 1),
		"anchor apart":    strings.Replace(good, `"entries"`, `"anchors":["`+strings.Replace(someID, "A", "B", 1)+`"],"entries"`, 1),
		"anchor twice":    strings.Replace(good, `"entries"`, `"anchors":["`+someID+`","`+someID+`"],"entries"`, 1),
		"long group":      strings.Replace(good, `"seen":5`, `"seen":5,"group":"`+strings.Repeat("x", 300)+`"`, 1),
		"not a peer id":   strings.Replace(good, someID, "nobody", 1),
		"not an address":  strings.Replace(good, "/ip4/10.0.0.1", "/ip4/10.0.0.999", 1),
		"long address":    strings.Replace(good, "/ip4/10.0.0.1", "/dns4/"+strings.Repeat("x", 300), 1),
		"no address":      strings.Replace(good, `"/ip4/10.0.0.1/tcp/1"`, "", 1),
		"many addresses":  strings.Replace(good, `"/ip4/10.0.0.1/tcp/1"`, strings.Repeat(`"/ip4/10.0.0.1/tcp/1",`, 8)+`"/ip4/10.0.0.1/tcp/1"`, 1),
		"negative time":   strings.Replace(good, `"seen":5`, `"seen":-5`, 1),
		"peer twice":      strings.Replace(good, `"peers":[`, `"peers":[{"id":"`+someID+`","addresses":["/ip4/10.0.0.1/tcp/1"],"seen":5},`, 1),
		"entry of nobody": strings.Replace(good, `"entries":[]`, `"entries":[{"entry":"/dns4/x/tcp/1","ids":[]}]`, 1),
		"too large":       good + strings.Repeat(" ", maxBookSize),
	} {
		t.Run(name, func(t *testing.T) {
			disk, log := vfs.NewMem(), &logbook{}
			writeFile(t, disk, "peers.json", text)
			b := openBook(disk, "peers.json", log.logger())
			if len(b.peers)+len(b.answers) != 0 {
				t.Fatal("something of it was used")
			}
			if !log.has("WARN", "damaged", "peers.json.damaged") {
				t.Fatalf("log: %s", log)
			}
			if got := readFile(t, disk, "peers.json.damaged"); got != text {
				t.Fatalf("kept aside: %d bytes of %d", len(got), len(text))
			}
			if err := saveBook(disk, "peers.json", b); err != nil {
				t.Fatal(err)
			}
			if again := openBook(disk, "peers.json", log.logger()); again == nil {
				t.Fatal("no book after the damage")
			}
		})
	}
	if _, err := decodeBook([]byte(good)); err != nil {
		t.Fatalf("the undamaged one: %v", err)
	}
}

// TestPeerBookIsOldOrNewAfterAnyFailure fails each operation of a save in turn.
func TestPeerBookIsOldOrNewAfterAnyFailure(t *testing.T) {
	ids := someIDs(t, 2)
	saved := 0
	for n := 0; ; n++ {
		disk := vfs.NewMem()
		b := newBook()
		b.meet(ids[0], someAddrs(1), sight{}, time.Unix(5, 0))
		if err := saveBook(disk, "peers.json", b); err != nil {
			t.Fatal(err)
		}
		b.meet(ids[1], someAddrs(1), sight{}, time.Unix(6, 0))
		err := saveBook(errorfs.Wrap(disk, errorfs.OnIndex(int32(n))), "peers.json", b)
		log := &logbook{}
		again := openBook(disk, "peers.json", log.logger())
		if len(again.peers) == 0 || log.has("WARN") {
			t.Fatalf("operation %d failed: %d peers left, %s", n, len(again.peers), log)
		}
		if err == nil {
			saved = len(again.peers)
			break
		}
	}
	if saved != 2 {
		t.Fatalf("%d peers after a save without failure", saved)
	}
}

func FuzzDecodeBook(f *testing.F) {
	f.Add([]byte(`{"version":1,"peers":[{"id":"` + someID + `","addresses":["/ip4/10.0.0.1/tcp/1"],"seen":5}],"entries":[{"entry":"/dns4/x/tcp/1","ids":["` + someID + `"]}]}`))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decodeBook(data)
		if err != nil {
			return
		}
		once, err := encodeBook(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeBook(once)
		if err != nil {
			t.Fatalf("written, but not read: %v\n%s", err, once)
		}
		if len(again.peers) != len(b.peers) || len(again.answers) != len(b.answers) {
			t.Fatal("something was lost")
		}
	})
}
