package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// samples has a good value for each setting that is not its default.
func samples(t *testing.T) map[string]string {
	genesis := filepath.Join(t.TempDir(), "g.json")
	if code := run(t.Context(), []string{"genesis", "new", genesis, "--window", "0"}, nil, new(strings.Builder), new(strings.Builder)); code != exitDone {
		t.Fatalf("genesis new: want exit code 0, got %d", code)
	}
	return map[string]string{
		"bootstrap": "/ip4/10.0.0.1/tcp/9470", "listen": "/ip4/127.0.0.1/tcp/0", "announce": "/dns4/example.org/tcp/9470",
		"data-dir": "/somewhere", "ephemeral": "true", "genesis": genesis, "mdns": "false", "mine": "false",
		"mine-empty": "false", "mine-alone": "true", "miner-address": "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
		"miner-threads": "2", "max-hashrate": "1000", "block-data": "hello", "min-fee": "3", "api": "127.0.0.1:1", "api-hosts": "node.example.org",
		"profile": "pi", "cache-mib": "5", "min-free-mib": "7", "max-peers": "50", "debug": "true", "log-level": "debug", "log-format": "json",
	}
}

func TestEverySettingIsFlagVariableAndKey(t *testing.T) {
	values := samples(t)
	for _, row := range table(nil) {
		want, ok := values[row.name]
		if !ok {
			t.Fatalf("setting %s has no sample", row.name)
		}
		file := filepath.Join(t.TempDir(), "node.toml")
		literal := want
		if row.kind == text || row.kind == list {
			literal = fmt.Sprintf("%q", want)
		}
		if err := os.WriteFile(file, []byte(row.name+" = "+literal+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []struct {
			args, env []string
			where     string
		}{
			{[]string{"--" + row.name + "=" + want}, nil, "--" + row.name},
			{nil, []string{variable(row.name) + "=" + want}, variable(row.name)},
			{[]string{"--config", file}, nil, file + ":1"},
		} {
			s := newSettings(&terminal{env: from.env})
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			s.addFlags(flags)
			if err := flags.Parse(from.args); err != nil {
				t.Fatal(err)
			}
			inForce, err := s.resolve()
			if err != nil {
				t.Fatal(err)
			}
			got := inForce[row.name]
			if strings.Join(got.values, ",") != want || got.where != from.where {
				t.Errorf("%s: want %q from %s, got %q from %s", row.name, want, from.where, got.values, got.where)
			}
			if _, wrong := s.apply(inForce); len(wrong) > 0 {
				t.Errorf("%s from %s: %v", row.name, from.where, wrong)
			}
		}
	}
}

func TestEverySettingReachesTheNode(t *testing.T) {
	env := []string{}
	for name, value := range samples(t) {
		env = append(env, variable(name)+"="+value)
	}
	s := newSettings(&terminal{env: env})
	inForce, err := s.resolve()
	if err != nil {
		t.Fatal(err)
	}
	o, wrong := s.apply(inForce)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	n := o.node
	for name, ok := range map[string]bool{
		"bootstrap": len(n.Bootstrap) == 1, "listen": len(n.Listen) == 1, "announce": len(n.Announce) == 1,
		"data-dir": n.DataDir == "/somewhere", "ephemeral": o.ephemeral, "genesis": n.Params.ChainID == "private",
		"mdns": !n.MDNS, "mine": !n.Mine, "mine-empty": !n.MineEmpty, "mine-alone": n.MineAlone,
		"miner-address": n.MinerAddress != "", "miner-threads": n.MinerThreads == 2, "max-hashrate": n.MaxHashrate == 1000,
		"block-data": n.BlockData == "hello", "min-fee": n.MinFee == 3, "api": o.api == "127.0.0.1:1",
		"cache-mib": n.CacheSize == 5<<20, "min-free-mib": n.MinFree == 7<<20, "max-peers": n.MaxPeers == 50, "debug": o.debug, "log-level": o.logLevel < 0, "log-format": o.logFormat == "json",
	} {
		if !ok {
			t.Errorf("setting %s did not arrive: %+v", name, o)
		}
	}
}

func TestDataDirectoryFollowsXDG(t *testing.T) {
	for _, row := range []struct {
		env  environment
		want string
	}{
		{environment{"HOME=/home/a"}, "/home/a/.local/share/lp2pnode"},
		{environment{"HOME=/home/a", "XDG_DATA_HOME=/data"}, "/data/lp2pnode"},
		{environment{"HOME=/home/a", "XDG_DATA_HOME=relative"}, "/home/a/.local/share/lp2pnode"},
		{nil, ""},
	} {
		if got := row.env.dataDir(); got != row.want {
			t.Errorf("%v: want %q, got %q", row.env, row.want, got)
		}
	}
}

func TestNoHomeNeedsADirectory(t *testing.T) {
	s := newSettings(&terminal{})
	if _, _, err := s.options(); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("want an error that names --data-dir, got %v", err)
	}
}

func TestMistypedVariableIsNoticed(t *testing.T) {
	s := newSettings(&terminal{env: []string{"LP2P_BOOTSTAP=x", "LP2P_MINE=true", "LP2P_CONFIG=", "LP2P_TEST_LAN=1", "LP2P_IMAGE=x", "LP2P_API_PORT=1", "PATH=/bin"}})
	if got := fmt.Sprint(s.strangers()); got != "[LP2P_BOOTSTAP]" {
		t.Errorf("want [LP2P_BOOTSTAP], got %s", got)
	}
}
