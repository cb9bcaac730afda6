// Package node is a running node: it assembles store, ledger, network, finder
// of peers and miner from one Config and runs them. It is the one place that
// knows all rooms; programs embed it, cmd/lp2pnode wraps it, api gives it doors.
//
// Open does not listen and starts no goroutine of ours; Run listens, blocks and
// returns after everything has stopped; Close frees.
package node
