package bootstrap

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	goodEntry    = "/ip4/192.168.1.5/tcp/9470/p2p/12D3KooW…"
	goodID       = "/p2p/12D3KooW…"
	defaultPort  = "9470"
	maxEntrySize = 1024 // bytes
	maxShownText = 160  // bytes of a bad entry that are shown
)

// entryError says what is wrong with an entry and what a good one looks like.
type entryError struct{ text, bad, good string }

func (e *entryError) Error() string {
	return fmt.Sprintf("bootstrap %q: %s; write %s", shorten(e.text), e.bad, e.good)
}

// diagnose looks for the first thing that is wrong with an entry, in the order
// in which people read it. An empty bad means that nothing was found.
func diagnose(text string) (bad, good string) {
	if len(text) > maxEntrySize {
		return fmt.Sprintf("it is longer than %d bytes", maxEntrySize), goodEntry
	}
	if !strings.HasPrefix(text, "/") {
		return notMultiaddr(text)
	}
	parts := strings.Split(strings.TrimRight(text[1:], "/"), "/")
	if bad, good = place(parts); bad != "" {
		return bad, good
	}
	if bad, good = components(parts); bad != "" {
		return bad, good
	}
	if bad, good = transport(parts); bad != "" {
		return bad, good
	}
	return identity(parts)
}

// notMultiaddr answers those who write what other programs take.
func notMultiaddr(text string) (bad, good string) {
	if validID(text) {
		return "it is a peer id without an address", "/ip4/192.168.1.5/tcp/" + defaultPort + "/p2p/" + text
	}
	if _, rest, isURL := strings.Cut(text, "://"); isURL {
		text, _, _ = strings.Cut(rest, "/")
		_, good = notMultiaddr(text)
		return "it is a URL, not a multiaddr", good
	}
	if strings.Contains(text, "/") {
		return "a multiaddr begins with /", goodEntry
	}
	name, port, err := net.SplitHostPort(text)
	if err != nil {
		name, port = strings.Trim(text, "[]"), defaultPort
	}
	if !validPort(port) || !validName(name) {
		return "it is not a multiaddr", goodEntry
	}
	good = hostComponent(name) + "/tcp/" + port
	if err != nil {
		return "it is not a multiaddr, and has no port", good
	}
	return "it is host and port, not a multiaddr", good
}

// hostComponent writes an address or name as the multiaddr component it is.
func hostComponent(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip.Is4() {
			return "/ip4/" + name
		}
		return "/ip6/" + name
	}
	return "/dns4/" + name
}

// place checks the first component: where the machine is.
func place(parts []string) (bad, good string) {
	proto := parts[0]
	switch proto {
	case "ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr":
	case "p2p", "ipfs":
		return "there is no address before /" + proto, "/ip4/192.168.1.5/tcp/" + defaultPort + "/" + strings.Join(parts, "/")
	case "ip6zone":
		return "link-local addresses cannot be dialled", goodEntry
	default:
		return fmt.Sprintf("%q is none of ip4, ip6, dns4, dns6, dnsaddr", shorten(proto)), goodEntry
	}
	if len(parts) < 2 || parts[1] == "" {
		return "there is no value after /" + proto, exampleOf(proto)
	}
	name := parts[1]
	if !strings.HasPrefix(proto, "ip") {
		return dnsName(name, exampleOf(proto))
	}
	ip, err := netip.ParseAddr(name)
	if err == nil && ip.Zone() == "" && ip.Is4() == (proto == "ip4") {
		return dialable(ip)
	}
	return notIP(proto, name, parts[2:])
}

// notIP explains a value of /ip4 or /ip6 that is not an address of that kind.
func notIP(proto, name string, rest []string) (bad, good string) {
	kind := map[string]string{"ip4": "an IPv4 address", "ip6": "an IPv6 address"}[proto]
	bad = fmt.Sprintf("%q is not %s", shorten(name), kind)
	if h, port, err := net.SplitHostPort(name); err == nil && validPort(port) && validName(h) {
		return bad + " (the port is a component of its own)", hostComponent(h) + "/tcp/" + port
	}
	looksNumeric := strings.Trim(name, "0123456789.") == "" || strings.Contains(name, ":")
	if _, err := netip.ParseAddr(name); err == nil || (!looksNumeric && validName(name)) {
		return bad, strings.Join(append([]string{hostComponent(name)}, rest...), "/")
	}
	return bad, exampleOf(proto)
}

// dialable refuses addresses that are well formed and lead nowhere.
func dialable(ip netip.Addr) (bad, good string) {
	switch {
	case ip.IsUnspecified():
		return fmt.Sprintf("%q means every interface and cannot be dialled", ip), goodEntry
	case ip.IsMulticast():
		return fmt.Sprintf("%q is a multicast address", ip), goodEntry
	case ip.Is6() && ip.IsLinkLocalUnicast():
		return fmt.Sprintf("%q is link-local and cannot be dialled", ip), goodEntry
	}
	return "", ""
}

func dnsName(name, example string) (bad, good string) {
	if h, port, err := net.SplitHostPort(name); err == nil && validPort(port) && validName(h) {
		return fmt.Sprintf("%q is not a host name (the port is a component of its own)", shorten(name)), hostComponent(h) + "/tcp/" + port
	}
	if !validName(name) {
		return fmt.Sprintf("%q is not a host name", shorten(name)), example
	}
	return "", ""
}

// components checks name and value of each component.
func components(parts []string) (bad, good string) {
	for i := 0; i < len(parts); i++ {
		proto := ma.ProtocolWithName(parts[i])
		switch {
		case parts[i] == "":
			return "there is an empty part (//)", goodEntry
		case proto.Code == 0:
			return fmt.Sprintf("%q is not a part of a multiaddr", shorten(parts[i])), goodEntry
		case proto.Size == 0:
			continue
		}
		i++
		if i == len(parts) || parts[i] == "" {
			return "there is no value after /" + proto.Name, exampleOf(proto.Name)
		}
		if bad, good = value(proto.Code, parts[i]); bad != "" {
			return bad, good
		}
	}
	return "", ""
}

func value(code int, text string) (bad, good string) {
	switch code {
	case ma.P_TCP, ma.P_UDP:
		if !validPort(text) {
			return fmt.Sprintf("%q is not a port (1 to 65535)", shorten(text)), goodEntry
		}
	case ma.P_P2P:
		if !validID(text) {
			return fmt.Sprintf("%q is not a peer id", shorten(text)), goodID + " as the other node prints it, or nothing after the port"
		}
	}
	return "", ""
}

// transport checks what follows the host: TCP, or QUIC over UDP.
func transport(parts []string) (bad, good string) {
	if parts[0] == "dnsaddr" {
		return "", "" // the records hold the rest
	}
	start := "/" + parts[0] + "/" + parts[1]
	if len(parts) < 4 || (parts[2] != "tcp" && parts[2] != "udp") {
		good = start + "/tcp/" + defaultPort
		if i := slices.Index(parts, "p2p"); i >= 0 && i+1 < len(parts) {
			good += "/p2p/" + parts[i+1]
		}
		return "there is no port", good
	}
	if next := parts[4:]; parts[2] == "tcp" && len(next) > 0 && !slices.Contains(overTCP(), next[0]) {
		return fmt.Sprintf("%q does not follow a TCP port", next[0]), start + "/tcp/" + parts[3]
	}
	if parts[2] == "udp" && !slices.ContainsFunc(parts[4:], overUDP) {
		return "udp alone is not a transport", start + "/udp/" + parts[3] + "/quic-v1"
	}
	return "", ""
}

func overTCP() []string { return []string{"ws", "wss", "tls", "p2p", "ipfs", "p2p-circuit"} }

func overUDP(proto string) bool {
	return proto == "quic-v1" || proto == "webrtc-direct"
}

// identity checks where peer ids stand, above all round a relay.
func identity(parts []string) (bad, good string) {
	relay := slices.Index(parts, "p2p-circuit")
	first := slices.IndexFunc(parts, isP2P)
	example := goodEntry + "/p2p-circuit" + goodID
	switch {
	case relay < 0 && first >= 0 && first+2 < len(parts):
		return "/p2p is not the last part", goodEntry
	case relay < 0:
		return "", ""
	case first < 0 || first+2 != relay:
		return "there is no peer id before /p2p-circuit", example
	case len(parts) != relay+3 || !isP2P(parts[relay+1]):
		return "there is no peer id after /p2p-circuit", example
	}
	return "", ""
}

func isP2P(proto string) bool { return proto == "p2p" || proto == "ipfs" }

func exampleOf(proto string) string {
	switch proto {
	case "ip6":
		return "/ip6/fd00::5/tcp/9470/p2p/12D3KooW…"
	case "dns", "dns4", "dns6":
		return "/" + proto + "/node.example.org/tcp/9470/p2p/12D3KooW…"
	case "dnsaddr":
		return "/dnsaddr/example.org"
	}
	return goodEntry
}

// presentable returns a suggestion made of the user's own parts only if it is
// good itself.
func presentable(good string) string {
	if strings.ContainsFunc(good, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return goodEntry
	}
	if _, err := ma.NewMultiaddr(good); err != nil && !strings.Contains(good, "…") {
		return goodEntry
	}
	return good
}

// validID refuses also what has the form of a peer id but holds no key.
func validID(text string) bool {
	id, err := peer.Decode(text)
	if err != nil {
		return false
	}
	_, err = id.ExtractPublicKey()
	return err == nil || errors.Is(err, peer.ErrNoPublicKey)
}

func validPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// validName accepts host names as they are used, underscores included, and IP
// addresses.
func validName(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 {
			return false
		}
		for _, c := range label {
			if c <= ' ' || c == 0x7f || strings.ContainsRune("/\\:@?#%\"'<>()[]{}|^`,;=&!*+$~", c) {
				return false
			}
		}
	}
	return true
}

func shorten(text string) string {
	if len(text) <= maxShownText {
		return text
	}
	return strings.ToValidUTF8(text[:maxShownText], "") + "…"
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
