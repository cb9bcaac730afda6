package bootstrap

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
)

// Examination is what came of trying an entry once, step by step.
type Examination struct {
	Entry    Entry
	Resolved []ma.Multiaddr // where its name leads; itself if it has none
	Err      error          // of resolving
	Doors    []Door         // one for each of Resolved, in that order
}

// Door is who answers at one address.
type Door struct {
	Addr ma.Multiaddr
	ID   peer.ID // "" when nobody does
	Err  error   // why not, in a few words
}

// Answers returns the addresses at which somebody wanted answers: whoever it
// is, or the peer that the entry names.
func (e Examination) Answers() []peer.AddrInfo {
	var wanted []peer.AddrInfo
	for _, d := range e.Doors {
		if d.Err == nil && (e.Entry.ID == "" || e.Entry.ID == d.ID) {
			wanted = append(wanted, peer.AddrInfo{ID: d.ID, Addrs: []ma.Multiaddr{d.Addr}})
		}
	}
	return wanted
}

// Examine resolves an entry and asks at each of its addresses who is there, all
// at once, until ctx ends. It is for a host that does nothing else; nil is the
// system's resolver.
func Examine(ctx context.Context, h host.Host, resolver *madns.Resolver, e Entry) Examination {
	if resolver == nil {
		resolver = madns.DefaultResolver
	}
	f := &Finder{host: h, cfg: Config{Resolver: resolver}}
	x := Examination{Entry: e}
	resolved, err := f.resolve(ctx, e.ID, e.addrs())
	if err != nil {
		x.Err = err
		return x
	}
	x.Resolved = resolved[:min(len(resolved), maxAnswers)]
	x.Doors = make([]Door, len(x.Resolved))
	var wg sync.WaitGroup
	for i, full := range x.Resolved {
		wg.Go(func() {
			addr, _ := peer.SplitAddr(full)
			id, err := f.ask(ctx, addr)
			x.Doors[i] = Door{Addr: addr, ID: id, Err: err}
		})
	}
	wg.Wait()
	return x
}

// Reason puts the error of a Door or an Examination into a few words.
func Reason(err error) string { return reason(err) }
