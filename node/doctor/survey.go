package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/lp2pnode/lp2pnode/bootstrap"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node"
	"github.com/lp2pnode/lp2pnode/p2p"
)

const (
	maxContacts = 8               // peers of a running node, or neighbours, that are asked
	dialWait    = 5 * time.Second // for an entry's addresses, and again for a status
	listenWait  = 3 * time.Second // for neighbours to answer by mDNS
)

// survey is what other nodes said, each asked once under a passing identity.
type survey struct {
	err        error // nobody could be asked
	entries    []entry
	contacts   []contact // every node that was asked, of the entries too
	neighbours []peer.AddrInfo
	deaf       error // why no neighbours were looked for
}

// entry is a bootstrap entry that was tried.
type entry struct {
	bootstrap.Examination
	own   bool // it leads to the node that runs here
	asked []contact
}

// contact is one exchange with another node.
type contact struct {
	addr ma.Multiaddr
	id   peer.ID
	err  error
	said p2p.Stranger
	seen ma.Multiaddr // where it saw us; nil if it did not say
}

// ask examines the bootstrap entries, and asks them, the running node's peers
// and the neighbours on the LAN for their status.
func (p *patient) ask(ctx context.Context) *survey {
	entries, err := bootstrap.ParseEntries(p.cfg.Node.Bootstrap)
	if err != nil {
		return &survey{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, deadline-2*time.Second) // who waits for it has something to tell then
	defer cancel()
	dial := p.peerAddrs()
	for _, e := range entries {
		dial = append(dial, e.Addr)
	}
	asker, err := p.newAsker(dial)
	if err != nil {
		return &survey{err: err}
	}
	defer asker.close()
	s := &survey{entries: make([]entry, len(entries))}
	var wg sync.WaitGroup
	for i, e := range entries {
		wg.Go(func() { s.entries[i] = p.tryEntry(ctx, asker, e) })
	}
	wg.Go(func() { s.neighbours, s.deaf = p.lookRound(ctx) })
	wg.Wait()
	for _, e := range s.entries {
		s.contacts = append(s.contacts, e.asked...)
	}
	s.contacts = append(s.contacts, p.askOthers(ctx, asker, s)...)
	return s
}

// askOthers asks those who have not been asked as entries.
func (p *patient) askOthers(ctx context.Context, a *asker, s *survey) []contact {
	var others []peer.AddrInfo
	for _, addr := range p.peerAddrs() {
		if info, err := peer.AddrInfoFromP2pAddr(addr); err == nil {
			others = append(others, *info)
		}
	}
	others = append(others, s.neighbours...)
	known := func(id peer.ID) bool {
		return slices.ContainsFunc(s.contacts, func(c contact) bool { return c.id == id })
	}
	var fresh []peer.AddrInfo
	for _, o := range others {
		again := slices.ContainsFunc(fresh, func(f peer.AddrInfo) bool { return f.ID == o.ID })
		if !known(o.ID) && !again && !p.own(o.ID) && len(fresh) < maxContacts {
			fresh = append(fresh, o)
		}
	}
	contacts := make([]contact, len(fresh))
	var wg sync.WaitGroup
	for i, info := range fresh {
		wg.Go(func() { contacts[i] = p.contact(ctx, a, info) })
	}
	wg.Wait()
	return contacts
}

// peerAddrs lists where the running node has dialled its peers.
func (p *patient) peerAddrs() []ma.Multiaddr {
	var addrs []ma.Multiaddr
	for _, c := range p.running.peers {
		if c.State != "connected" || c.Direction != "outbound" {
			continue
		}
		if a, err := ma.NewMultiaddr(c.Address + "/p2p/" + c.ID); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// own reports whether an id is that of the node that runs here.
func (p *patient) own(id peer.ID) bool {
	return p.running.is() && p.running.status.PeerID == id.String()
}

// lookRound listens for nodes of the chain on the LAN.
func (p *patient) lookRound(ctx context.Context) ([]peer.AddrInfo, error) {
	if !p.cfg.Node.MDNS {
		return nil, errors.New("mdns is off")
	}
	ctx, cancel := context.WithTimeout(ctx, listenWait)
	defer cancel()
	found, err := bootstrap.Neighbours(ctx, node.MDNSService(p.rules.Genesis().Hash))
	return slices.DeleteFunc(found, func(i peer.AddrInfo) bool { return p.own(i.ID) }), err
}

func (p *patient) tryEntry(ctx context.Context, a *asker, e bootstrap.Entry) entry {
	tried := entry{Examination: examine(ctx, a, e)}
	for _, info := range tried.Answers() {
		if p.own(info.ID) {
			tried.own = true
			continue
		}
		if len(tried.asked) < maxContacts {
			tried.asked = append(tried.asked, p.contact(ctx, a, info))
		}
	}
	return tried
}

func examine(ctx context.Context, a *asker, e bootstrap.Entry) bootstrap.Examination {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	return bootstrap.Examine(ctx, a.host, nil, e)
}

// contact connects to a node and exchanges statuses with it.
func (p *patient) contact(ctx context.Context, a *asker, info peer.AddrInfo) contact {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	c := contact{id: info.ID}
	if len(info.Addrs) > 0 {
		c.addr = info.Addrs[0]
	}
	if c.err = a.host.Connect(ctx, info); c.err != nil {
		return c
	}
	if c.said, c.err = p2p.Inquire(ctx, a.host, info.ID, p.rules, p.cfg.Node.Agent); c.err != nil {
		return c
	}
	c.seen = a.observed(ctx, info.ID)
	return c
}

// sameChain returns the contacts that answered for our chain.
func (s *survey) sameChain(genesis chain.Hash) []contact {
	return slices.DeleteFunc(slices.Clone(s.contacts), func(c contact) bool { return c.err != nil || c.said.Genesis != genesis })
}

// asker is a host under a passing identity.
type asker struct {
	host host.Host
	sub  event.Subscription
	mu   sync.Mutex
	seen map[peer.ID]ma.Multiaddr // where peers see us; guarded by mu
	news chan struct{}            // closed and made anew at each; guarded by mu
}

func (p *patient) newAsker(dial []ma.Multiaddr) (*asker, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a passing identity: %w", err)
	}
	h, err := p2p.NewHost(p2p.HostConfig{Key: key, Agent: p.cfg.Node.Agent, Dial: dial, Options: p.cfg.Node.Libp2p})
	if err != nil {
		return nil, err
	}
	sub, err := h.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	a := &asker{host: h, sub: sub, seen: map[peer.ID]ma.Multiaddr{}, news: make(chan struct{})}
	go a.note()
	return a, nil
}

// note keeps what peers say of us until the subscription ends.
func (a *asker) note() {
	for e := range a.sub.Out() {
		if done, is := e.(event.EvtPeerIdentificationCompleted); is {
			a.mu.Lock()
			a.seen[done.Peer] = done.ObservedAddr
			close(a.news)
			a.news = make(chan struct{})
			a.mu.Unlock()
		}
	}
}

// observed returns where a connected peer sees us, nil if it does not say in
// time.
func (a *asker) observed(ctx context.Context, id peer.ID) ma.Multiaddr {
	for {
		a.mu.Lock()
		addr, known := a.seen[id]
		news := a.news
		a.mu.Unlock()
		if known {
			return addr
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *asker) close() {
	_ = a.sub.Close() // nothing is left to learn
	_ = a.host.Close()
}
