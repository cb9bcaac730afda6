package p2p

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	// A peer's first ban lasts banFor; each that follows within banMemory of the
	// end of the one before lasts twice as long, up to maxBan.
	banFor    = time.Hour
	banMemory = 24 * time.Hour
	maxBan    = 7 * 24 * time.Hour
	// MaxBans is how many peers a node bans at a time. Identities cost nothing,
	// so the list is bounded: a peer banned by the node itself makes room.
	MaxBans = 1024
	// MaxBanDetail bounds what is kept of why, in bytes.
	MaxBanDetail = 300
)

// Ban says why and how long this node has no dealings with a peer, whatever
// address it comes from.
type Ban struct {
	ID     peer.ID
	Reason Reason // what it did last, or ReasonByHand
	Detail string // more of it, for people
	Since  time.Time
	Until  time.Time
	Times  int // bans in a row that the node itself decided on; 0 by hand
}

// Active tells whether the ban is in force.
func (b Ban) Active(now time.Time) bool { return now.Before(b.Until) }

// Bans are the peers that this node has no dealings with. They are the host's
// connection gater, so that these peers neither connect nor are dialled, and
// pubsub's blacklist. Whole addresses or subnets are never banned: behind one
// of a LAN there may be a whole class. All methods are safe for concurrent use.
type Bans struct {
	now  func() time.Time
	save func([]Ban) error

	saving sync.Mutex // held while a list is saved

	mu      sync.Mutex
	list    map[peer.ID]Ban         // guarded by mu; some are over, see banMemory
	refused func(Ban, ma.Multiaddr) // guarded by mu; told of each that was turned away, may be nil
}

// NewBans starts with a list that was saved before. save is called with each
// new list, never twice at a time; nil keeps none. now may be nil.
func NewBans(list []Ban, save func([]Ban) error, now func() time.Time) *Bans {
	b := &Bans{now: now, save: save, list: map[peer.ID]Ban{}}
	if b.now == nil {
		b.now = time.Now
	}
	for _, ban := range list {
		b.list[ban.ID] = ban
	}
	b.tidy(b.now())
	return b
}

// List returns the bans in force, those that end first before others.
func (b *Bans) List() []Ban {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	return slices.DeleteFunc(b.sorted(), func(ban Ban) bool { return !ban.Active(now) })
}

// Find returns the ban in force on a peer.
func (b *Bans) Find(id peer.ID) (Ban, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ban, ok := b.list[id]
	return ban, ok && ban.Active(b.now())
}

// sorted returns all that is remembered. The caller holds mu.
func (b *Bans) sorted() []Ban {
	all := make([]Ban, 0, len(b.list))
	for _, ban := range b.list {
		all = append(all, ban)
	}
	slices.SortFunc(all, func(x, y Ban) int { return cmp.Or(x.Until.Compare(y.Until), cmp.Compare(x.ID, y.ID)) })
	return all
}

// tidy forgets what is long over. The caller holds mu.
func (b *Bans) tidy(now time.Time) {
	for id, ban := range b.list {
		if !ban.Active(now.Add(-banMemory)) || ban.Times == 0 && !ban.Active(now) {
			delete(b.list, id)
		}
	}
}

// ErrTooManyBans is returned when there is room for no more bans by hand.
var ErrTooManyBans = errors.New("too many bans")

// add bans a peer, by hand for a given time, or for as long as its record
// says. The ban is in force also when it could not be saved.
func (b *Bans) add(id peer.ID, reason Reason, detail string, byHand time.Duration) (Ban, error) {
	b.mu.Lock()
	now := b.now()
	b.tidy(now)
	if old := b.list[id]; reason != ReasonByHand && old.Active(now) {
		b.mu.Unlock()
		return old, nil // what was under way when it was banned counts no more
	}
	ban := Ban{ID: id, Reason: reason, Detail: shortened(printable(detail), MaxBanDetail), Since: now, Times: b.list[id].Times}
	if reason == ReasonByHand {
		ban.Until = now.Add(byHand)
	} else {
		ban.Until = now.Add(min(banFor<<min(ban.Times, 10), maxBan))
		ban.Times++
	}
	if _, known := b.list[id]; !known && len(b.list) >= MaxBans && !b.makeRoom() {
		b.mu.Unlock()
		return Ban{}, fmt.Errorf("%w: %d peers are banned by hand; lift some first", ErrTooManyBans, MaxBans)
	}
	b.list[id] = ban
	b.mu.Unlock()
	return ban, b.write()
}

// makeRoom drops the ban that ends first of those the node decided on. The
// caller holds mu.
func (b *Bans) makeRoom() bool {
	for _, ban := range b.sorted() {
		if ban.Reason != ReasonByHand {
			delete(b.list, ban.ID)
			return true
		}
	}
	return false
}

// lift ends a ban and forgets what led to it, and says whether there was one.
func (b *Bans) lift(id peer.ID) (bool, error) {
	b.mu.Lock()
	ban, ok := b.list[id]
	delete(b.list, id)
	active := ok && ban.Active(b.now())
	b.mu.Unlock()
	if !ok {
		return false, nil
	}
	return active, b.write()
}

func (b *Bans) write() error {
	if b.save == nil {
		return nil
	}
	b.saving.Lock()
	defer b.saving.Unlock()
	b.mu.Lock()
	all := b.sorted()
	b.mu.Unlock()
	return b.save(all)
}

// onRefused sets who is told of each peer that was turned away.
func (b *Bans) onRefused(f func(Ban, ma.Multiaddr)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = f
}

// Add implements pubsub.Blacklist; nobody calls it.
func (b *Bans) Add(peer.ID) bool { return false }

// Contains implements pubsub.Blacklist.
func (b *Bans) Contains(id peer.ID) bool {
	_, banned := b.Find(id)
	return banned
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (b *Bans) InterceptPeerDial(id peer.ID) bool { return !b.Contains(id) }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (b *Bans) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater: who comes is not known yet.
func (b *Bans) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured implements connmgr.ConnectionGater.
func (b *Bans) InterceptSecured(_ network.Direction, id peer.ID, at network.ConnMultiaddrs) bool {
	ban, banned := b.Find(id)
	if !banned {
		return true
	}
	b.mu.Lock()
	tell := b.refused
	b.mu.Unlock()
	if tell != nil {
		tell(ban, at.RemoteMultiaddr())
	}
	return false
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (b *Bans) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
