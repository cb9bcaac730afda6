package p2p

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/lp2pnode/lp2pnode/chain"
)

// A peer is banned at banPoints; points fade at that many an hour. So two
// proofs of bad faith within twelve minutes, or four lesser ones, make a ban.
// One alone never does: memory that flips a bit is no malice.
const (
	banPoints = 100
	fadeOver  = time.Hour

	grave = 60 // the second bans
	minor = 30 // the fourth bans
)

// points is the table of offences: what only malice sends, or a broken program.
// An honest node can earn none of them:
//
//   - bad block, bad transaction: from gossip, they break a rule that anybody
//     can see without state, or a header rule on a known parent (protocol §8,
//     reject). A node passes on only what its own validator accepted by these
//     same rules, so a relayer of somebody else's bad block sent what it had
//     refused. What depends on the state (ErrUnfit), the clock (ErrFuture) or
//     the order of arrival (ErrUnknownParent, ErrKnown) never gets here, and
//     our own failures do not either: they are no ErrInvalid.
//   - bad headers, bad blocks: a node serves by sync only what it has accepted,
//     so what breaks a rule there was never checked. A chain that changes while
//     it is asked for has the same reason but no broken rule, and is forgiven.
//     A block that cannot be executed on our state is left alone too: if our own
//     state were wrong, every honest peer would be banned.
//   - false work: headers that end, all of them checked, below the work claimed.
//     A node's work only grows while it is connected; one that was set back to
//     an earlier state under the same key can be caught once, hence minor.
//   - bad answer, bad status, bad request: lines that the protocol has no place
//     for; of requests only those longer than any may be.
//   - flooding: far beyond the rates, for long, though each request was refused.
//     Ours asks below these rates and waits after a refusal. Gossip beyond its
//     rates is left out and no more: who passes on what many others send may
//     exceed them in good faith.
//
// A block that says it is of a later version is no offence: its sender may be
// newer than we are. Nor is an unknown request; both are refused.
func points(reason Reason, err error) float64 {
	switch reason {
	case ReasonBadBlock, ReasonBadHeaders, ReasonBadBlocks:
		if errors.Is(err, chain.ErrInvalid) && !newerVersion(err) {
			return grave
		}
	case ReasonBadTransaction, ReasonFalseWork, ReasonBadAnswer, ReasonBadStatus, ReasonBadRequest, ReasonFlooding:
		return minor
	}
	return 0
}

func newerVersion(err error) bool {
	var rule *chain.RuleError
	return errors.As(err, &rule) && rule.Rule == chain.RuleVersion
}

// undecoded returns why raw is no block or header; of one that says it is of a
// later version, whose form may be another, that it is. It parses nothing: junk
// must cost nothing (protocol §1), and no string has these bytes in it, since
// its quotes are escaped.
func undecoded(raw []byte, err error) error {
	field := []byte(`,"version":`)
	at := bytes.LastIndex(raw, field)
	if at < 0 {
		return err
	}
	digits := raw[at+len(field):]
	digits = digits[:min(len(digits), maxDigits)]
	if end := bytes.IndexAny(digits, ",}"); end >= 0 {
		version, bad := strconv.ParseUint(string(digits[:end]), 10, 53)
		if bad == nil && version > chain.Version {
			return chain.Invalid(chain.RuleVersion, chain.Version, version)
		}
	}
	return err
}

// maxDigits bounds a number of the protocol and what ends it, in bytes.
const maxDigits = 17

// score is a number of points that fades.
type score struct {
	sum float64
	at  time.Time
}

func (s *score) add(more float64, now time.Time) float64 {
	s.sum, s.at = s.now(now)+more, now
	return s.sum
}

func (s *score) now(now time.Time) float64 {
	return max(s.sum-banPoints*now.Sub(s.at).Seconds()/fadeOver.Seconds(), 0)
}

// offend counts what a peer did, and bans it when it is enough.
func (n *Network) offend(id peer.ID, reason Reason, err error) {
	more := points(reason, err)
	if more == 0 {
		return
	}
	n.mu.Lock()
	s := n.standing(id)
	now := n.now()
	sum := s.offences.add(more, now)
	if reason != ReasonBadBlock && reason != ReasonBadTransaction { // of these GossipSub keeps count
		s.lies.add(more, now)
	}
	n.note(s, ActOffended, reason, err.Error())
	if sum >= banPoints {
		s.offences = score{} // the ban is for these
	}
	n.mu.Unlock()
	n.log.Info("peer offended", "peer", id, "reason", reason, "points", int(sum), "of", banPoints, "error", err)
	if sum < banPoints {
		return
	}
	ban, saveErr := n.bans.add(id, reason, err.Error(), 0)
	if saveErr != nil {
		n.log.Warn("ban is not kept over a restart", "peer", id, "error", saveErr)
	}
	if ban.ID != "" {
		n.enforce(ban)
	} else if r := n.remote(id); r != nil { // no room for a ban
		n.disconnect(r)
	}
}

// lies is GossipSub's application-specific score: what sync found out about a
// peer. The first false claim takes it out of the mesh, a broken rule out of
// gossip (scoreGossip).
func (n *Network) lies(id peer.ID) float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.kept[id]; s != nil {
		return -s.lies.now(n.now())
	}
	return 0
}

// enforce disconnects a peer that has been banned.
func (n *Network) enforce(ban Ban) {
	n.mu.Lock()
	n.note(n.standing(ban.ID), ActBanned, ban.Reason, ban.Detail)
	r := n.remotes[ban.ID]
	if r != nil {
		r.Met = false
		if r.Reason == "" {
			r.Reason, r.Detail = ReasonBanned, ban.why()
		}
	}
	n.notify()
	n.mu.Unlock()
	n.log.Warn("peer banned", "peer", ban.ID, "until", ban.Until.Format(time.RFC3339), "reason", ban.Reason, "detail", ban.Detail)
	if r != nil {
		n.disconnect(r)
	}
}

// why is the ban's reason and its detail.
func (b Ban) why() string {
	return strings.TrimSuffix(fmt.Sprintf("%s: %s", b.Reason, b.Detail), ": ")
}

// turnedAway notes that a banned peer came to the door.
func (n *Network) turnedAway(ban Ban, at ma.Multiaddr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	n.note(n.standing(ban.ID), ActRefused, ReasonBanned, ban.why())
	p := Peer{ID: ban.ID, Direction: inbound, Connected: now}
	for _, d := range n.departed {
		if d.ID == ban.ID {
			p = d
		}
	}
	p.Addr, p.Left, p.Reason, p.Detail = at.String(), now, ReasonBanned, ban.why()
	n.depart(p)
}

// Ban bans a peer by hand for a time; detail says why, for people. It is in
// force also when the error says that it could not be saved. It fails with
// ErrBan when there cannot be such a ban.
func (n *Network) Ban(id peer.ID, lasts time.Duration, detail string) (Ban, error) {
	switch {
	case id == n.host.ID():
		return Ban{}, fmt.Errorf("%w: this is the node's own peer id", ErrBan)
	case id.Validate() != nil || lasts <= 0 || lasts > MaxBanByHand:
		return Ban{}, fmt.Errorf("%w: want a peer id and a time of more than 0 and at most %s, got %s", ErrBan, MaxBanByHand, lasts)
	}
	ban, err := n.bans.add(id, ReasonByHand, detail, lasts)
	if ban.ID == "" {
		return ban, err
	}
	n.enforce(ban)
	if err != nil {
		return ban, fmt.Errorf("the ban is in force, but not kept over a restart: %w", err)
	}
	return ban, nil
}

// MaxBanByHand is the longest ban, a hundred years.
const MaxBanByHand = 100 * 365 * 24 * time.Hour

// ErrBan is returned for a ban that cannot be.
var ErrBan = errors.New("cannot ban")

// Lift ends a ban, so that the peer may come again with a clean record, and
// says whether there was one.
func (n *Network) Lift(id peer.ID) (bool, error) {
	lifted, err := n.bans.lift(id)
	if lifted {
		n.mu.Lock()
		s := n.standing(id)
		s.offences, s.lies = score{}, score{}
		n.note(s, ActLifted, ReasonByHand, "")
		n.notify()
		n.mu.Unlock()
		n.log.Info("ban lifted", "peer", id)
	}
	if err != nil {
		return lifted, fmt.Errorf("the ban is lifted, but a restart may bring it back: %w", err)
	}
	return lifted, nil
}

// Bans returns the bans in force, those that end first before others.
func (n *Network) Bans() []Ban { return n.bans.List() }
