package node

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/multiformats/go-multiaddr"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/lp2pnode/lp2pnode/bootstrap"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// keptKeys is of how many recent senders the keys are kept expanded, some 7 MB.
const keptKeys = 4096

// plan is a Config that was checked, in the forms that the rooms need.
type plan struct {
	dir       string
	rules     *chain.Rules
	listen    []p2p.Address
	announce  []multiaddr.Multiaddr
	bootstrap []bootstrap.Entry
}

func (p *plan) listenAddrs() []multiaddr.Multiaddr {
	addrs := make([]multiaddr.Multiaddr, len(p.listen))
	for i, a := range p.listen {
		addrs[i] = a.Addr
	}
	return addrs
}

func (p *plan) dialAddrs() []multiaddr.Multiaddr {
	addrs := make([]multiaddr.Multiaddr, len(p.bootstrap))
	for i, e := range p.bootstrap {
		addrs[i] = e.Addr
	}
	return addrs
}

// check fills in what cfg leaves open and refuses what cannot be; it touches
// neither disk nor network.
func check(cfg *Config) (plan, error) {
	fill(cfg)
	p := plan{dir: cfg.DataDir}
	if p.dir == "" {
		p.dir = "/lp2pnode" // in memory
	}
	var err error
	if p.rules, err = chain.NewRules(cfg.Params, engine(cfg.Params.Consensus)); err != nil {
		return p, fmt.Errorf("genesis: %w", err)
	}
	if p.rules.Keys, err = lru.New[chain.Address, *ed25519.ExpandedPublicKey](keptKeys); err != nil {
		return p, err // keptKeys is no size for a cache
	}
	if err := checkBegun(cfg); err != nil {
		return p, err
	}
	if p.bootstrap, err = bootstrap.ParseEntries(cfg.Bootstrap); err != nil {
		return p, err
	}
	if p.listen, err = listenAddresses(cfg); err != nil {
		return p, err
	}
	if p.announce, err = parseAddrs("announce", cfg.Announce); err != nil {
		return p, err
	}
	return p, checkMining(cfg)
}

func fill(cfg *Config) {
	if cfg.Params.Consensus == "" {
		cfg.Params = LANParams()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = DefaultMinFree
	}
	if cfg.Agent == "" {
		cfg.Agent = "lp2pnode"
	}
	if cfg.FS == nil {
		cfg.FS = vfs.Default
		if cfg.DataDir == "" {
			cfg.FS = vfs.NewMem()
		}
	}
}

// engine is the one place that chooses a consensus engine by name; an unknown
// name is refused by chain.NewRules.
func engine(consensus string) chain.Engine {
	switch consensus {
	case "pow":
		return pow.Engine{}
	default:
		return nil
	}
}

// listenAddresses returns what to listen on: what the user named, or the
// default port (a free one for a node in memory) on IPv4 and IPv6.
func listenAddresses(cfg *Config) ([]p2p.Address, error) {
	if len(cfg.Listen) == 0 {
		port := DefaultPort
		if cfg.DataDir == "" {
			port = 0
		}
		var addrs []p2p.Address
		for _, form := range []string{"/ip4/0.0.0.0/tcp/%d", "/ip6/::/tcp/%d"} {
			a, err := multiaddr.NewMultiaddr(fmt.Sprintf(form, port))
			if err != nil {
				return nil, fmt.Errorf("default address: %w", err)
			}
			addrs = append(addrs, p2p.Address{Addr: a})
		}
		return addrs, nil
	}
	named, err := parseAddrs("listen", cfg.Listen)
	if err != nil {
		return nil, err
	}
	addrs := make([]p2p.Address, len(named))
	for i, a := range named {
		addrs[i] = p2p.Address{Addr: a, Named: true}
	}
	return addrs, nil
}

func parseAddrs(setting string, texts []string) ([]multiaddr.Multiaddr, error) {
	var addrs []multiaddr.Multiaddr
	for _, text := range texts {
		a, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w; write it like /ip4/0.0.0.0/tcp/%d", setting, text, err, DefaultPort)
		}
		addrs = append(addrs, a)
	}
	return addrs, nil
}

// checkBegun refuses a chain whose first block nobody could judge yet.
func checkBegun(cfg *Config) error {
	begins := time.UnixMilli(int64(cfg.Params.Timestamp))
	if ahead := begins.Sub(cfg.Now()); ahead > time.Duration(cfg.Params.MaxAheadMS())*time.Millisecond {
		return fmt.Errorf("genesis: timestamp %d is %s, in the future of this clock, and counts milliseconds since 1970; set the clock or the timestamp right",
			cfg.Params.Timestamp, begins.UTC().Format(time.RFC3339))
	}
	return nil
}

func checkMining(cfg *Config) error {
	if cfg.MinerAddress != "" {
		if _, err := chain.ParseAddress(string(cfg.MinerAddress)); err != nil {
			return fmt.Errorf("miner address: %w", err)
		}
	}
	switch {
	case len(cfg.BlockData) > chain.MaxNoteBytes:
		return fmt.Errorf("block data: want at most %d bytes, got %d", chain.MaxNoteBytes, len(cfg.BlockData))
	case cfg.Mine && cfg.MinerThreads < 1:
		return fmt.Errorf("miner threads: want at least 1, got %d", cfg.MinerThreads)
	case cfg.MaxHashrate < 0:
		return fmt.Errorf("max hashrate: want 0 (no limit) or more, got %g", cfg.MaxHashrate)
	case cfg.Mine && !cfg.MineEmpty && cfg.Params.RetargetWindow != 0:
		return fmt.Errorf("mine-empty=false needs a chain whose difficulty is fixed (retarget_window 0): chain %q would read the idle time as missing hash power", cfg.Params.ChainID)
	}
	return nil
}
