package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHangupReloadsWhatCanBe: a changed file is put into force by SIGHUP as far
// as a running node can, the rest is named, and a mistake changes nothing.
func TestHangupReloadsWhatCanBe(t *testing.T) {
	needProcesses(t)
	other := start(t, "other", "--mine=false")
	file := filepath.Join(t.TempDir(), "node.toml")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mine = false")
	node := start(t, "node", "--config", file)
	hangUp := func(want ...string) {
		t.Helper()
		if err := node.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		node.await("these words in its log: "+strings.Join(want, ", "), 20*time.Second, func() bool {
			for _, words := range want {
				if !strings.Contains(node.log.String(), words) {
					return false
				}
			}
			return true
		})
	}

	write("mine = false", `bootstrap = ["`+other.addr()+`"]`, `log-level = "debug"`, "min-fee = 7", "min-free-mib = 1", "max-hashrate = 9", "miner-threads = 2")
	hangUp(`changed="[bootstrap max-hashrate min-fee min-free-mib log-level]"`,
		`msg="this setting takes a restart" setting=miner-threads in_force=1 configured=2`)
	node.await("the new bootstrap entry", 20*time.Second, func() bool { return node.status().Peers == 1 })
	node.await("lines of the new level", 20*time.Second, func() bool { return strings.Contains(node.log.String(), "level=DEBUG") })
	var pool struct {
		MinFee uint64 `json:"min_fee"`
	}
	if err := node.get("/v1/pool?size=1000", &pool); err != nil || pool.MinFee != 7 {
		t.Errorf("want a least fee of 7, got %+v, %v", pool, err)
	}

	write("mine = false", "max-hashrate = -1")
	hangUp("configuration not reloaded", "node.toml:2: max-hashrate: want hashes per second")
	write("mine = false", "nonsense = 1")
	hangUp(`node.toml:2: unknown key \"nonsense\"`)
	node.stop()
}
