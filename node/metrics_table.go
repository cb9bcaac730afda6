package node

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// table returns what is read of a node when somebody asks. The names of labels'
// values are few, and known beforehand.
func table() []metric {
	return []metric{
		{"lp2pnode_info", gauge, "1, with what the node is.", []string{"agent", "chain", "genesis", "peer_id"}, readInfo},
		{"lp2pnode_height_blocks", gauge, "Height of the tip.", nil, func(n *Node, e emit) { e(float64(n.ledger.Tip().Tip.Height)) }},
		{"lp2pnode_work_hashes", gauge, "Work of the best chain: the hashes that it took on average.", nil, func(n *Node, e emit) { e(workOf(n.ledger.Tip().Work)) }},
		{"lp2pnode_difficulty_hashes", gauge, "Difficulty of the tip: the hashes that it took on average.", nil, func(n *Node, e emit) { e(float64(n.ledger.Tip().Tip.Difficulty)) }},
		{"lp2pnode_block_interval_seconds", gauge, "Time between two blocks that the chain aims at.", nil, func(n *Node, e emit) { e(n.plan.rules.Params.BlockInterval().Seconds()) }},
		{"lp2pnode_tip_age_seconds", gauge, "Time since the timestamp of the tip; at genesis, since the start.", nil, func(n *Node, e emit) { e(n.TipAge().Seconds()) }},
		{"lp2pnode_blocks_adopted_total", counter, "Blocks that joined the best chain, by the door of the one that decided.", []string{"via"}, readAdopted},
		{"lp2pnode_waiting_blocks", gauge, "Blocks that wait for their parent or their time.", nil, func(n *Node, e emit) { e(float64(n.ledger.Room().Blocks)) }},
		{"lp2pnode_ledger_busy_seconds", gauge, "For how long the change or read under way has held the ledger; 0 if there is none.", nil, func(n *Node, e emit) { e(n.ledger.Busy().Seconds()) }},

		{"lp2pnode_pool_transactions", gauge, "Transactions that wait for a block.", nil, func(n *Node, e emit) { e(float64(n.ledger.Pool(0).Count)) }},
		{"lp2pnode_pool_bytes", gauge, "Canonical bytes of the transactions that wait.", nil, func(n *Node, e emit) { e(float64(n.ledger.Pool(0).Bytes)) }},
		{"lp2pnode_pool_least_fee_units", gauge, "Least fee with which a transaction of 1,000 bytes is taken now.", nil, func(n *Node, e emit) { e(float64(n.ledger.MinFee(1000))) }},

		{"lp2pnode_mining", gauge, "1 while the node looks for a proof of work.", nil, readMining},
		{"lp2pnode_hash_rate_hashes_per_second", gauge, "Hashes tried per second, over the last ten seconds.", nil, readHashRate},
		{"lp2pnode_blocks_mined_total", counter, "Blocks made here that the node's own ledger took.", nil, readMined},

		{"lp2pnode_peers", gauge, "Connected peers of this chain, by who dialled and over what.", []string{"direction", "transport"}, readPeers},
		{"lp2pnode_mesh_peers", gauge, "Peers that new blocks go to and come from at once.", nil, func(n *Node, e emit) { e(float64(len(n.net.Mesh()))) }},
		{"lp2pnode_gossip_messages_total", counter, "Gossiped blocks and transactions, by what became of them, and the rule that they broke or met.", []string{"topic", "fate", "rule"}, readGossip},
		{"lp2pnode_pubsub_rpcs_total", counter, "Messages of pubsub's own protocol, which hold any number of blocks and transactions.", []string{"fate"}, readRPCs},
		{"lp2pnode_peer_acts_total", counter, "What was done about peers, or happened to their connections, by reason: left, refused, paused, offended, banned, lifted.", []string{"act", "reason"}, readActs},
		{"lp2pnode_bans", gauge, "Bans in force.", nil, func(n *Node, e emit) { e(float64(len(n.net.Bans()))) }},
		{"lp2pnode_clock_offset_seconds", gauge, "Median of the peers' clocks minus this one.", nil, readClock},

		{"lp2pnode_synced", gauge, "1 unless a peer has shown more work.", nil, func(n *Node, e emit) { e(flag(!n.net.Sync().Lags())) }},
		{"lp2pnode_sync_lag_blocks", gauge, "Blocks to go to the height of the peer that is followed.", nil, readLag},

		{"lp2pnode_store_size_bytes", gauge, "What the store takes on disk.", nil, func(n *Node, e emit) { e(float64(n.store.Size())) }},
		{"lp2pnode_store_cache_hits_total", counter, "Reads that found their part of a file in the cache.", nil, readHits},
		{"lp2pnode_store_cache_misses_total", counter, "Reads that did not.", nil, readMisses},
		{"lp2pnode_disk_free_bytes", gauge, "Room in the data directory; absent for a node in memory.", nil, readFree},

		{"lp2pnode_writes_held", gauge, "1 while nothing is written, for want of room or because the disk has failed.", nil, func(n *Node, e emit) { e(flag(n.Disk().Held != "")) }},
		{"lp2pnode_disk_failures_total", counter, "Writes that the disk did not take.", nil, func(n *Node, e emit) { e(float64(n.Disk().Breaks)) }},
		{"lp2pnode_disk_least_free_bytes", gauge, "Room below which nothing is written.", nil, func(n *Node, e emit) { e(float64(n.Disk().MinFree)) }},

		{"lp2pnode_check_ok", gauge, "1 if a check of /readyz holds.", []string{"check"}, readChecks},
		{"lp2pnode_ready", gauge, "1 if all checks of /readyz hold.", nil, func(n *Node, e emit) { e(flag(Fit(n.Checks()))) }},
	}
}

func readInfo(n *Node, e emit) {
	e(1, n.cfg.Agent, n.plan.rules.Params.ChainID, n.plan.rules.Genesis().Hash.String(), n.ID())
}

func readAdopted(n *Node, e emit) {
	adopted := n.ledger.Stats().Adopted
	for _, via := range []chain.Via{chain.ViaGossip, chain.ViaSync, chain.ViaMiner} {
		e(float64(adopted[via]), string(via))
	}
}

func readMining(n *Node, e emit) {
	e(flag(n.miner != nil && n.miner.State().Mining))
}

func readHashRate(n *Node, e emit) {
	if n.miner == nil {
		e(0)
		return
	}
	e(n.miner.Hashrate())
}

func readMined(n *Node, e emit) {
	if n.miner == nil {
		e(0)
		return
	}
	e(float64(n.miner.State().Blocks))
}

func readPeers(n *Node, e emit) {
	type kind struct{ direction, transport string }
	count := map[kind]int{}
	for _, direction := range []string{"inbound", "outbound"} {
		for _, transport := range []string{"tcp", "quic-v1", "ws"} {
			count[kind{direction, transport}] = 0
		}
	}
	for _, p := range n.net.Peers() {
		if p.Met && p.Left.IsZero() {
			count[kind{p.Direction, p.Transport}]++
		}
	}
	for k, peers := range count {
		e(float64(peers), k.direction, k.transport)
	}
}

func readGossip(n *Node, e emit) {
	seen := map[[3]string]bool{}
	for _, m := range n.net.Messages() {
		seen[[3]string{m.Topic, m.Fate, m.Rule}] = true
		e(float64(m.N), m.Topic, m.Fate, m.Rule)
	}
	for _, topic := range []string{"blocks", "transactions"} {
		for _, row := range [][2]string{
			{"accept", ""},
			{"own", ""},
			{"duplicate", ""},
			{"dropped", ""},
			{"unsent", ""},
			{"ignore", "known"},
			{"ignore", "policy"},
			{"reject", string(chain.RuleForm)},
		} {
			if !seen[[3]string{topic, row[0], row[1]}] {
				e(0, topic, row[0], row[1])
			}
		}
	}
}

func readActs(n *Node, e emit) {
	quiet := map[p2p.Act]p2p.Reason{
		p2p.ActLeft: p2p.ReasonClosed, p2p.ActRefused: p2p.ReasonOtherGenesis, p2p.ActPaused: p2p.ReasonStalled,
		p2p.ActOffended: p2p.ReasonBadBlock, p2p.ActBanned: p2p.ReasonBadBlock,
	}
	for _, t := range n.net.Tallies() {
		if quiet[t.Act] == t.Reason {
			delete(quiet, t.Act)
		}
		e(float64(t.N), string(t.Act), string(t.Reason))
	}
	for act, reason := range quiet {
		e(0, string(act), string(reason))
	}
}

func readRPCs(n *Node, e emit) {
	rpcs := n.net.RPCs()
	for _, fate := range []p2p.RPC{p2p.RPCReceived, p2p.RPCSent, p2p.RPCDropped} {
		e(float64(rpcs[fate]), string(fate))
	}
}

func readClock(n *Node, e emit) {
	offset, _ := n.net.ClockOffset()
	e(offset.Seconds())
}

func readLag(n *Node, e emit) {
	sync := n.net.Sync()
	if !sync.Lags() || sync.Target < sync.Height {
		e(0)
		return
	}
	e(float64(sync.Target - sync.Height))
}

func readHits(n *Node, e emit) {
	if m, ok := n.store.Metrics(); ok {
		e(float64(m.BlockCache.Hits))
	}
}

func readMisses(n *Node, e emit) {
	if m, ok := n.store.Metrics(); ok {
		e(float64(m.BlockCache.Misses))
	}
}

func readFree(n *Node, e emit) {
	if free, err := n.FreeSpace(); err == nil {
		e(float64(free))
	}
}

func readChecks(n *Node, e emit) {
	for _, c := range n.Checks() {
		e(flag(c.OK), c.Name)
	}
}

// collectSync hands on Pebble's own histogram of the log's syncs.
func (c *collector) collectSync(to chan<- prometheus.Metric) {
	m, ok := c.node.store.Metrics()
	if !ok || m.LogWriter.FsyncLatency == nil {
		return
	}
	var pb dto.Metric
	if m.LogWriter.FsyncLatency.Write(&pb) != nil || pb.Histogram == nil {
		return
	}
	// Theirs are nanoseconds, in a hundred buckets.
	const nanos = 1e9
	h := pb.GetHistogram()
	buckets := map[float64]uint64{}
	wanted := []float64{100e-6, 500e-6, 1e-3, 3e-3, 10e-3, 30e-3, 100e-3, 300e-3, 1, 3}
	for _, b := range h.GetBucket() { // ascending
		if bound := b.GetUpperBound() / nanos; len(wanted) > 0 && bound >= wanted[0] {
			buckets[bound] = b.GetCumulativeCount()
			wanted = wanted[1:]
		}
	}
	to <- prometheus.MustNewConstHistogram(c.fsync, h.GetSampleCount(), h.GetSampleSum()/nanos, buckets)
}
