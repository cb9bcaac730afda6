package main

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	mib = 1 << 20
	// unknownMemory is assumed where a system does not tell.
	unknownMemory = 1 << 30
	// leastPeers is below what a node may have at most: it looks for 32.
	leastPeers = 48
)

// share is a part of the memory, within bounds.
type share struct{ of, least, most uint64 }

// in returns memory divided by of, within least and most.
func (s share) in(memory uint64) uint64 { return min(max(memory/s.of, s.least), s.most) }

// profile says how much of a machine a node takes, by the memory that is there.
type profile struct {
	name    string
	meaning string
	cache   share // MiB of cache
	peers   share // connections
	heap    int64 // bytes from which on garbage is collected more often
}

// profiles returns them all, the smallest first.
func profiles() []profile {
	return []profile{
		{"pi", "a small board, or a small container", share{128 * mib, 4, 32}, share{16 * mib, leastPeers, 64}, 144 * mib},
		{"laptop", "a machine that has other work", share{128 * mib, 8, 64}, share{16 * mib, 64, 128}, 144 * mib},
		{"server", "a machine for the node alone", share{8 * mib, 64, 4096}, share{16 * mib, 128, 1024}, math.MaxInt64},
	}
}

// findProfile returns the profile of a name. The error lists them.
func findProfile(name string) (profile, error) {
	var names []string
	for _, p := range profiles() {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return profile{}, fmt.Errorf("want %s, got %.60q", strings.Join(names, ", "), name)
}

// presentMemory returns the bytes of memory that this process may use: the
// machine's, or less by a limit of its cgroup or one above it.
func presentMemory() uint64 {
	memory := uint64(unknownMemory)
	if all, err := memlimit.FromSystem(); err == nil && all > 0 {
		memory = all
	}
	if limit, err := memlimit.FromCgroup(); err == nil && limit > 0 {
		memory = min(memory, limit)
	}
	return memory
}

// fromProfile fills in the sizes that are left to the profile.
func (s *settings) fromProfile(inForce map[string]given) {
	name := inForce["profile"].values[0]
	p, err := findProfile(name)
	if err != nil {
		p = profiles()[0] // its setter tells of the name; the sizes are not wrong too
	}
	where := fmt.Sprintf("profile %s, %d MiB of memory", name, s.memory/mib)
	for setting, size := range map[string]share{"cache-mib": p.cache, "max-peers": p.peers} {
		if value := inForce[setting]; value.values[0] == "0" {
			inForce[setting] = given{[]string{strconv.FormatUint(size.in(s.memory), 10)}, value.origin, where}
		}
	}
}

func setProfile(o *options, values []string) error {
	p, err := findProfile(values[0])
	o.heap = p.heap
	return err
}

// tameHeap lets the collector spend more where the heap would grow beyond what
// the profile has for it, as it does while blocks are caught up with. A limit
// of the user's own, GOMEMLIMIT, stays.
func (o *options) tameHeap() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(o.heap)
	}
}

// maxCacheMiB is beyond what any cache is good for here.
const maxCacheMiB = 1 << 20

func setCacheMiB(o *options, values []string) error {
	n, err := strconv.ParseUint(values[0], 10, 64)
	if err != nil || n < 1 || n > maxCacheMiB {
		return fmt.Errorf("want a whole number of MiB from 1 to %d, or 0 for the profile's, got %.60q", maxCacheMiB, values[0])
	}
	o.node.CacheSize = int64(n) * mib
	return nil
}

func setMinFreeMiB(o *options, values []string) error {
	n, err := strconv.ParseUint(values[0], 10, 64)
	if err != nil || n < 1 || n > maxCacheMiB {
		return fmt.Errorf("want a whole number of MiB from 1 to %d, got %.60q", maxCacheMiB, values[0])
	}
	o.node.MinFree = n * mib
	return nil
}

func setMaxPeers(o *options, values []string) error {
	const most = 10_000
	n, err := strconv.Atoi(values[0])
	if err != nil || n < leastPeers || n > most {
		return fmt.Errorf("want a whole number from %d to %d, or 0 for the profile's, got %.60q", leastPeers, most, values[0])
	}
	o.node.MaxPeers = n
	return nil
}

func setDebug(o *options, values []string) error { return setBool(&o.debug, values) }
