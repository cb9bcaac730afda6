package node_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/node"
)

func TestWrongConfigurationIsRefusedInOneLine(t *testing.T) {
	for what, row := range map[string]struct {
		change func(*node.Config)
		want   string
	}{
		"a chain that has not begun":                 {func(c *node.Config) { c.Params.Timestamp = uint64(time.Now().Add(time.Hour).UnixMilli()) }, "in the future"},
		"an unknown engine":                          {func(c *node.Config) { c.Params.Consensus = "luck" }, `"consensus"`},
		"a bad address to listen on":                 {func(c *node.Config) { c.Listen = []string{"9470"} }, "/ip4/0.0.0.0/tcp/9470"},
		"a bad announced address":                    {func(c *node.Config) { c.Announce = []string{"me"} }, "announce"},
		"a bad bootstrap entry":                      {func(c *node.Config) { c.Bootstrap = []string{"/ip4/1.2.3.400/tcp/1"} }, "1.2.3.400"},
		"a bad miner address":                        {func(c *node.Config) { c.MinerAddress = "me" }, "miner address"},
		"a note too long":                            {func(c *node.Config) { c.BlockData = strings.Repeat("x", 257) }, "256"},
		"no thread to mine with":                     {func(c *node.Config) { c.MinerThreads = 0 }, "threads"},
		"no empty blocks where the difficulty moves": {func(c *node.Config) { c.MineEmpty = false }, "retarget_window"},
	} {
		cfg := node.DefaultConfig()
		cfg.Params = node.LANParams()
		row.change(&cfg)
		n, err := node.Open(cfg)
		if err == nil {
			_ = n.Close()
			t.Errorf("%s: accepted", what)
			continue
		}
		if !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want one line with %q, got %q", what, row.want, err)
		}
	}
}
