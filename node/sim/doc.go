// Package sim runs many real nodes in one process and in virtual time: the same
// node.Open, store, ledger, GossipSub and sync that are shipped, on a simulated
// network (Network) of links with bandwidth, latency, slow start, loss and
// partitions, with a Sealer that makes hash power a parameter.
//
// Everything must happen inside a testing/synctest bubble, where a virtual hour
// passes as fast as the processor allows. New makes a Sim; its methods are what
// happens to the nodes (Partition, Heal, Join, Leave, Crash) and what must hold
// of them (RequireOneTip, CheckAll). It replaces the wire, the disk and the
// proof of work, and no layer between: what fails here fails out there.
//
// Only tests call it. It is no proof about a machine's real speed: computing
// takes no virtual time. docs/simulation.md says what else is not modelled.
package sim
