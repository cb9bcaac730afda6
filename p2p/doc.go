// Package p2p is how news travels: GossipSub topics for blocks and
// transactions, the status handshake, and sync (protocol §8), over any libp2p
// host. It judges nothing by itself: what comes in goes through chain.Rules
// and the doors of a Ledger, and one pure function (verdict) turns the answer
// into what the sender gets for it. Gossip is only a hint; the comparison of
// statuses and sync bring what was missed.
//
// It never looks for peers (bootstrap does), makes no blocks (miner does),
// stores nothing (the node keeps the list of bans for it), and blames nobody
// for our own faults. The node assembles it: NewHost, New, Listen, Run, Close.
package p2p
