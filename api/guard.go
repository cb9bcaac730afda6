package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// guard keeps web pages away from a visitor's node. A page that has bent its
// own name to this machine's address (DNS rebinding) shows by its Host, which
// is a name that is not ours; a page of another origin shows by its Origin or
// Sec-Fetch-Site.
type guard struct {
	names []string // lower case, allowed everywhere
	self  []string // this machine's names, allowed beyond loopback
}

func newGuard(hosts []string) guard {
	g := guard{}
	for _, h := range hosts {
		g.names = append(g.names, strings.ToLower(h))
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		name = strings.ToLower(name)
		g.self = []string{name, name + ".local"}
	}
	return g
}

// check returns nil or what to answer instead of doing what r asks for.
func (g guard) check(r *http.Request) *problem {
	host, ok := hostName(r.Host)
	if !ok || !g.ours(host, boundToLoopback(r)) {
		return newProblem(http.StatusForbidden, fmt.Sprintf("this node does not go by the name of %.100q; call it localhost, or by an IP address that it listens on", r.Host))
	}
	if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r.Host) {
		return newProblem(http.StatusForbidden, fmt.Sprintf("pages of %.100q may not use this node", origin))
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		frame := !slices.Contains([]string{"", "document"}, r.Header.Get("Sec-Fetch-Dest")) // in a page, not in its place
		if r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Method != http.MethodGet || frame {
			return newProblem(http.StatusForbidden, "pages of another origin may not use this node")
		}
	}
	return nil
}

// ours tells whether host, without port, names this node. An IP address cannot
// be bent, so beyond loopback any will do: containers and routers translate
// them, and the node cannot know all of its own.
func (g guard) ours(host string, loopback bool) bool {
	if slices.Contains(g.names, host) || host == "localhost" {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback() || !loopback
	}
	return !loopback && slices.Contains(g.self, host)
}

// hostName returns the host of a Host header, in lower case and without port
// and the last dot; false if it is none.
func hostName(hostport string) (string, bool) {
	u, err := url.Parse("http://" + hostport)
	if err != nil || u.Host != hostport || u.User != nil {
		return "", false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return host, host != ""
}

// boundToLoopback tells whether r came in by a loopback address. What came
// without a connection, in a test, did.
func boundToLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return !ok || addr.IP.IsLoopback()
}

// sameOrigin tells whether an Origin header is that of pages which the called
// host served, itself or through a proxy that speaks TLS.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") &&
		u.User == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == "" &&
		strings.EqualFold(u.Host, host)
}
