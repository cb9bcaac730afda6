package node

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/miner"
)

// DefaultPort is the TCP port that nodes listen on where none is named.
const DefaultPort = 9470

// Config says what a node is. DefaultConfig is the start of every Config; the
// last four fields are the seams of simulation, zero meaning the real thing.
type Config struct {
	DataDir   string       // "" keeps everything in memory and listens on free ports
	Params    chain.Params // the chain; its zero value is LANParams
	Listen    []string     // multiaddrs; empty means DefaultPort on IPv4 and IPv6
	Announce  []string     // multiaddrs to tell others instead of the observed ones
	Bootstrap []string     // multiaddrs of peers, see bootstrap.ParseEntries
	MDNS      bool         // find peers of the same chain on the LAN

	Mine         bool          // make blocks
	MineEmpty    bool          // also without transactions
	MineAlone    bool          // also before a configured peer was met
	MinerAddress chain.Address // who gets the rewards; "" is the node's own key
	MinerThreads int           // at least 1
	MaxHashrate  float64       // hashes per second over all threads; 0 is no limit
	BlockData    string        // the miner's note, at most chain.MaxNoteBytes

	MaxPeers int // connections above which the least useful are closed; 0 is 128

	MinFee uint64 // units for each 1,000 bytes begun; what pays less is not taken into the pool

	MinFree uint64 // bytes that have to be free on the disk, or nothing is written; 0 is DefaultMinFree

	Agent     string // name and version, told to peers
	APIURL    string // told to whoever finds the data directory in use; "" is no API
	CacheSize int64  // bytes of the store's cache; 0 is a small default
	Metrics   bool   // libp2p's in the node's registry too; it counts by process, not by node
	Logger    *slog.Logger

	FS     vfs.FS           // the disk; nil is the real one, or memory if DataDir is ""
	Libp2p []libp2p.Option  // appended when the host is made
	Sealer miner.Sealer     // finds proofs of work; nil is the CPU's
	Now    func() time.Time // nil is time.Now
}

// DefaultConfig returns the configuration of `lp2pnode` without flags, but for
// the data directory, which is empty: everything in memory.
func DefaultConfig() Config {
	return Config{
		MDNS:         true,
		Mine:         true,
		MineEmpty:    true,
		MinerThreads: 1,
		Agent:        "lp2pnode",
		Logger:       slog.New(slog.DiscardHandler),
	}
}

// LANParams returns the built-in genesis `lan`, for trials: whoever brings a
// heavier chain of it replaces yours. A group that keeps records makes its own.
func LANParams() chain.Params {
	return chain.Params{
		Allocations:       map[chain.Address]uint64{},
		BlockIntervalMS:   10_000,
		ChainID:           "lan",
		Consensus:         "pow",
		InitialDifficulty: 1 << 24,
		MaxBlockBytes:     1_000_000,
		MaxDataBytes:      32 << 10,
		RetargetWindow:    45,
		Reward:            50,
		Timestamp:         1_793_491_200_000, // 2026-11-01T00:00:00Z
	}
}
