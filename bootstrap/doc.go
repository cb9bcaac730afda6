// Package bootstrap is how a node finds and keeps peers: entries given by the
// user, peers of the LAN that announce themselves by mDNS, and peers met before,
// kept in a book in the data directory. It dials, and dials again for ever; it
// never speaks a protocol of the chain and trusts nobody: who is met says the
// network (p2p), in whose status exchange the chain is checked.
//
// Package node parses the entries (ParseEntries), makes one Finder per node
// (New) and runs it (Run).
package bootstrap
