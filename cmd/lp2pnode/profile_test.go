package main

import (
	"fmt"
	"strings"
	"testing"
)

// inForce returns what a node would run with on a machine of so much memory.
func inForce(t *testing.T, memory uint64, env ...string) map[string]given {
	t.Helper()
	s := newSettings(&terminal{env: append([]string{"HOME=/home/a"}, env...)})
	s.memory = memory
	_, values, err := s.options()
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestProfileSetsSizesByTheMemoryPresent(t *testing.T) {
	const gib = 1 << 30
	for _, row := range []struct {
		profile      string
		memory       uint64
		cache, peers string
	}{
		{"pi", gib / 4, "4", "48"},
		{"pi", gib, "8", "64"},
		{"pi", 8 * gib, "32", "64"},
		{"laptop", gib / 2, "8", "64"},
		{"laptop", 8 * gib, "64", "128"},
		{"server", gib, "128", "128"},
		{"server", 8 * gib, "1024", "512"},
		{"server", 64 * gib, "4096", "1024"},
	} {
		values := inForce(t, row.memory, "LP2P_PROFILE="+row.profile)
		cache, peers := values["cache-mib"], values["max-peers"]
		if cache.values[0] != row.cache || peers.values[0] != row.peers {
			t.Errorf("%s with %d MiB: want a cache of %s MiB and %s peers, got %s and %s", row.profile, row.memory/mib, row.cache, row.peers, cache.values[0], peers.values[0])
		}
		if want := fmt.Sprintf("profile %s, %d MiB of memory", row.profile, row.memory/mib); cache.where != want || peers.where != want {
			t.Errorf("want the source %q, got %q and %q", want, cache.where, peers.where)
		}
	}
}

func TestUnknownProfileIsTheOnlyThingWrong(t *testing.T) {
	s := newSettings(&terminal{env: []string{"HOME=/home/a", "LP2P_PROFILE=huge"}})
	_, _, err := s.options()
	if want := `LP2P_PROFILE: want pi, laptop, server, got "huge"`; err == nil || err.Error() != want {
		t.Errorf("want %q, got %v", want, err)
	}
}

func TestNamedSizePrevailsOverTheProfile(t *testing.T) {
	values := inForce(t, 8<<30, "LP2P_PROFILE=server", "LP2P_CACHE_MIB=12", "LP2P_MAX_PEERS=0")
	if got := values["cache-mib"]; got.values[0] != "12" || got.where != "LP2P_CACHE_MIB" {
		t.Errorf("want 12 from LP2P_CACHE_MIB, got %+v", got)
	}
	if got := values["max-peers"]; got.values[0] != "512" || !strings.HasPrefix(got.where, "profile server") {
		t.Errorf("want the profile's 512, got %+v", got)
	}
}
