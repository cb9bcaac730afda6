package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/lp2pnode/lp2pnode/node"
)

// greet tells people what runs here and how another machine joins it.
func (o *options) greet(w io.Writer, n *node.Node) error {
	addrs := byUse(n.Addrs(), outbound())
	table := newTable(w)
	table.row("lp2pnode", version())
	table.row("chain", n.Rules().Params.ChainID+"  genesis "+n.Rules().Genesis().Hash.String())
	table.row("peer id", n.ID())
	for i, addr := range addrs {
		name := ""
		if i == 0 {
			name = "addresses"
		}
		table.row(name, addr)
	}
	table.row("API", cmp.Or(o.node.APIURL, "off"))
	if o.openAPI() {
		table.row("", o.aboutOpenAPI())
	}
	table.row("data", cmp.Or(o.node.DataDir, "in memory, gone when the node stops"))
	if err := table.flush(); err != nil {
		return err
	}
	if len(addrs) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nOn the next machine type:\n\n    %s\n\n%s\n", o.invitation(addrs[0]), o.advice(addrs[0]))
	return err
}

// openAPI tells whether other machines may reach the API.
func (o *options) openAPI() bool {
	host, _, err := net.SplitHostPort(o.api)
	ip := net.ParseIP(host)
	return err == nil && host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// aboutOpenAPI says who may do what through an API that others reach.
func (o *options) aboutOpenAPI() string {
	if o.node.DataDir == "" {
		return "it listens on " + o.api + ": other machines may read; to write from there takes a token, which only a node with a data directory shows"
	}
	return "it listens on " + o.api + ": other machines may read; to write from there takes the token in " + filepath.Join(o.node.DataDir, "api.token")
}

// invitation is the command that joins this node.
func (o *options) invitation(addr string) string {
	command := "lp2pnode"
	if o.genesisFile != "" {
		command += " --genesis " + shellWord(o.genesisFile)
		if o.homeDir != "" { // the default one may hold another chain there
			command += " --data-dir ~/" + shellWord(o.homeDir)
		}
	}
	if loopback(addr) {
		command += " --ephemeral"
	}
	return command + " --bootstrap " + addr
}

// advice says where the invitation is good for.
func (o *options) advice(addr string) string {
	switch {
	case loopback(addr):
		return "This node listens on this machine only: a second node here finds it so."
	case o.genesisFile != "" && !o.node.MDNS:
		return "It needs a copy of the genesis file, and the address on the same LAN too: this node is not found by mDNS."
	case !o.node.MDNS:
		return "It needs the address on the same LAN too: this node is not found by mDNS. A second node on this machine wants --ephemeral."
	case o.genesisFile != "":
		return "It needs a copy of the genesis file. On the same LAN --bootstrap can be left out where mDNS works."
	}
	return "On the same LAN plain lp2pnode will do where mDNS works; a second node on this machine wants --ephemeral."
}

// byUse sorts dialable addresses, best for a stranger first: the interface
// that leads out, then public and private ones, names, IPv6, loopback last.
func byUse(addrs []string, out netip.Addr) []string {
	rank := func(s string) int {
		addr, err := multiaddr.NewMultiaddr(s)
		if err != nil {
			return 7
		}
		ip, err := manet.ToIP(addr)
		if err != nil {
			return 1 // a name that somebody chose to announce
		}
		a, _ := netip.AddrFromSlice(ip)
		a = a.Unmap()
		switch {
		case a == out:
			return 0
		case a.IsLoopback():
			return 5
		case a.IsLinkLocalUnicast():
			return 4
		case a.Is4():
			return 2
		}
		return 3
	}
	sorted := slices.Clone(addrs)
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

// outbound returns the address of the interface that leads out of the LAN, or
// the zero Addr. It sends nothing: the destination is one of documentation.
func outbound() netip.Addr {
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	port, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return port.Addr()
}

func loopback(s string) bool {
	addr, err := multiaddr.NewMultiaddr(s)
	return err == nil && manet.IsIPLoopback(addr)
}

// shellWord quotes s for a shell where it needs it.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./", r)
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
