package bootstrap

import (
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Entry is one address at which a peer may be found, as the user gave it.
type Entry struct {
	Text string       // what was written, without surrounding white space
	Addr ma.Multiaddr // where to dial, without the last /p2p/<id>
	ID   peer.ID      // who is expected there; "" is whoever answers
}

// ParseEntries reads multiaddrs, each string holding one or several with commas
// between; blanks and repetitions are dropped. The error is one line that names
// the entry and the bad part, and shows a good one.
func ParseEntries(texts []string) ([]Entry, error) {
	var entries []Entry
	seen := make(map[string]bool)
	for _, list := range texts {
		for text := range strings.SplitSeq(list, ",") {
			text = strings.TrimSpace(text)
			if text == "" || seen[text] {
				continue
			}
			seen[text] = true
			entry, err := parseEntry(text)
			if err != nil {
				return nil, err
			}
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

func parseEntry(text string) (Entry, error) {
	if bad, good := diagnose(text); bad != "" {
		return Entry{}, &entryError{text: text, bad: bad, good: presentable(good)}
	}
	addr, err := ma.NewMultiaddr(text)
	if err != nil {
		return Entry{}, &entryError{text: text, bad: oneLine(err.Error()), good: goodEntry}
	}
	where, id := peer.SplitAddr(addr)
	if len(where) == 0 {
		return Entry{}, &entryError{text: text, bad: "there is no address before /p2p", good: goodEntry}
	}
	return Entry{Text: text, Addr: where, ID: id}, nil
}

// dns reports whether the entry begins with a name that must be resolved.
func dns(addr ma.Multiaddr) bool {
	if len(addr) == 0 {
		return false
	}
	switch addr[0].Protocol().Code {
	case ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR:
		return true
	}
	return false
}
