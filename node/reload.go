package node

import (
	"fmt"

	"github.com/lp2pnode/lp2pnode/bootstrap"
)

// Reload puts Bootstrap, MinFee, MinFree and MaxHashrate of cfg into force while the
// node runs; the rest of cfg takes a new node. Its error names what is wrong, and
// then nothing has changed.
func (n *Node) Reload(cfg Config) error {
	entries, err := bootstrap.ParseEntries(cfg.Bootstrap)
	if err != nil {
		return err
	}
	if cfg.MaxHashrate < 0 {
		return fmt.Errorf("max hashrate: want 0 (no limit) or more, got %g", cfg.MaxHashrate)
	}
	n.finder.SetEntries(entries)
	n.ledger.SetMinFee(cfg.MinFee)
	n.keeper.setMinFree(cfg.MinFree)
	if n.cpu != nil {
		n.cpu.SetMaxHashrate(cfg.MaxHashrate)
	}
	return nil
}
