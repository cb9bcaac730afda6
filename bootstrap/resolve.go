package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	maxResolved  = 32 // addresses of one target
	maxRecursion = 4  // dnsaddr records that lead to dnsaddr records
)

func (e Entry) addrs() []ma.Multiaddr { return []ma.Multiaddr{e.Addr} }

// resolve asks DNS anew for each name. The addresses of a peer come back without
// /p2p and without those of others; those of an open entry (id "") may end in
// /p2p/<id>, which dnsaddr records may say. The error is nil if there are any.
func (f *Finder) resolve(ctx context.Context, id peer.ID, addrs []ma.Multiaddr) ([]ma.Multiaddr, error) {
	var found []ma.Multiaddr
	var errs []error
	for _, a := range addrs {
		resolved, err := f.resolveOne(ctx, a, maxRecursion)
		if err != nil {
			errs = append(errs, err)
		}
		for _, r := range resolved {
			where, named := peer.SplitAddr(r)
			switch {
			case len(where) == 0, id != "" && named != "" && named != id:
				continue
			case id == "":
				where = r
			}
			found = append(found, where)
		}
	}
	found = ma.Unique(found)
	if len(found) > 0 {
		return found[:min(len(found), maxResolved)], nil
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("no address to dial"))
	}
	return nil, errors.Join(errs...)
}

func (f *Finder) resolveOne(ctx context.Context, addr ma.Multiaddr, depth int) ([]ma.Multiaddr, error) {
	if !dns(addr) {
		return []ma.Multiaddr{addr}, nil
	}
	name := addr[0].Value()
	resolved, err := f.cfg.Resolver.Resolve(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", name, err)
	}
	if len(resolved) == 0 {
		return nil, fmt.Errorf("resolve %s: no address of that kind", name)
	}
	if needsName(addr) {
		return []ma.Multiaddr{addr}, nil
	}
	if addr[0].Protocol().Code != ma.P_DNSADDR {
		return resolved, nil
	}
	if depth == 0 {
		return nil, fmt.Errorf("resolve %s: dnsaddr records go round in a circle", name)
	}
	var found []ma.Multiaddr
	var errs []error
	for _, r := range resolved[:min(len(resolved), maxResolved)] {
		deeper, err := f.resolveOne(ctx, r, depth-1)
		found, errs = append(found, deeper...), append(errs, err)
	}
	if len(found) > 0 {
		return found[:min(len(found), maxResolved)], nil
	}
	return nil, errors.Join(errs...)
}

// needsName reports whether the transport wants the host's name, as TLS does.
func needsName(addr ma.Multiaddr) bool {
	return slices.ContainsFunc(addr, func(c ma.Component) bool {
		code := c.Protocol().Code
		return code == ma.P_WS || code == ma.P_WSS || code == ma.P_TLS
	})
}
