package main

// row is a line of the table: a benchmark's metric, its yardstick's, and what
// has to come out.
type row struct {
	what      string
	run       string // the benchmark, without the number of processors
	ours      string // unit of its metric
	reference string // unit of the yardstick's; "" is none
	ratio     string // unit of the metric that the goal is about; "" is ours
	least     float64
	most      float64 // a goal has one of the two
	gate      float64 // the gate's least where it is not least less a fifth
	needs     string  // what some machines lack: without it the row cannot be measured
}

// suite is the benchmarks of one package.
type suite struct {
	dir   string
	bench string // of go test
	time  string // of go test
	rows  []row
}

// stable are those whose goals need no quiet machine and no stable clock: the
// gate runs them.
func stable() []suite {
	return []suite{
		{"./miner", "BenchmarkScan", "1s", []row{
			{what: "mining: kernel against a loop over Sum256", run: "BenchmarkScan/kernel", ours: "MH/s", reference: "Sum256-MH/s", ratio: "of-Sum256", least: 5, gate: 2.5, needs: "SHA-NI or AVX-512"}, // Intel's SHA-NI gives 3
			{what: "mining: portable loop against the same", run: "BenchmarkScan/portable", ours: "MH/s", reference: "Sum256-MH/s", ratio: "of-Sum256", least: 0.95},
		}},
		{"./chain", "BenchmarkBlock", "1s", []row{
			{what: "signatures: a batch of 1,000 against one after another", run: "BenchmarkBlock/signatures", ours: "per-s", reference: "single-per-s", ratio: "of-single", least: 2.5},
			{what: "decode a block of 1,000 transfers, against reading by reflection", run: "BenchmarkBlock/decode", ours: "per-s", reference: "reflection-per-s", ratio: "of-reflection", least: 2},
			{what: "decode: allocations of each transfer", run: "BenchmarkBlock/decode", ours: "allocs/tx", most: 8},
		}},
	}
}

// whole are those of whole nodes and by the clock.
func whole() []suite {
	const catchUp, tip, start = "BenchmarkCatchUp/", "BenchmarkTip/", "BenchmarkStart/"
	return []suite{
		{"./miner", "BenchmarkThreads|BenchmarkStop|BenchmarkMaxHashrate|BenchmarkScan/kernel", "1s", []row{
			{what: "mining: kernel against C with intrinsics", run: "BenchmarkScan/kernel", ours: "MH/s", reference: "C-MH/s", ratio: "of-C", least: 0.90, needs: "SHA-NI and gcc"},
			{what: "mining: two threads against twice one", run: "BenchmarkThreads", ours: "of-linear", least: 0.95},
			{what: "mining: stale template to all threads standing, µs", run: "BenchmarkStop", ours: "p50-µs", most: 5000},
			{what: "the same, the slowest of a hundred, µs", run: "BenchmarkStop", ours: "p99-µs", most: 5000},
			{what: "mining: off what --max-hashrate allows, %", run: "BenchmarkMaxHashrate", ours: "off-%", most: 2},
		}},
		{"./chain", "BenchmarkBlock/sig|AllProcessors", "2s", []row{
			{what: "signatures of 1,000 senders never seen, each processor", run: "BenchmarkBlock/signatures", ours: "per-s", reference: "standard-per-s", ratio: "of-standard", least: 3},
			{what: "signatures, warm senders, each processor", run: "BenchmarkBlock/signatures", ours: "warm-per-s", reference: "standard-per-s", ratio: "warm-of-standard", least: 4},
			{what: "signatures of senders never seen, all processors, against the standard library on one", run: "BenchmarkSignaturesOnAllProcessors", ours: "per-s", reference: "standard-per-s", ratio: "of-standard", least: 3},
		}},
		{"./chain/store", "BenchmarkVerify", "1s", []row{
			{what: "chain verify on all processors, against one, ms", run: "BenchmarkVerify", ours: "all-ms", reference: "one-ms", ratio: "speed-up", least: 1.5, needs: "several processors"},
		}},
		{"./cmd/lp2pnode", "BenchmarkCatchUp|BenchmarkTip|BenchmarkTemplate|BenchmarkAPI|BenchmarkStart", "1x", []row{
			{what: "catching up: 10,000 empty blocks, a second", run: catchUp + "empty=10000", ours: "per-s", reference: "composed-per-s", least: 6000},
			{what: "catching up: 30,000", run: catchUp + "empty=30000", ours: "per-s", reference: "composed-per-s", least: 6000},
			{what: "catching up: 100,000", run: catchUp + "empty=100000", ours: "per-s", reference: "composed-per-s", least: 6000},
			{what: "catching up: the cost of one of 100,000 blocks against one of 10,000", run: catchUp + "empty=100000", ours: "of-shortest", most: 1.5},
			{what: "catching up: blocks for each sync of the disk, 100,000 empty ones", run: catchUp + "empty=100000", ours: "per-sync", least: 100},
			{what: "catching up: blocks of 1,000 transfers, transfers a second", run: catchUp + "transfers=1000", ours: "per-s", reference: "composed-per-s", least: 25_000},
			{what: "the same, against the composed pipeline", run: catchUp + "transfers=1000", ours: "per-s", reference: "composed-per-s", ratio: "of-composed", least: 0.7},
			{what: "most memory, 100,000 empty blocks, MB", run: catchUp + "empty=100000", ours: "peak-MB", most: 200},
			{what: "most memory, blocks of 1,000 transfers, MB", run: catchUp + "transfers=1000", ours: "peak-MB", most: 200},
			{what: "at the tip: empty block, ms", run: tip + "nodes=2/empty", ours: "p50-ms", reference: "gossip-ms", most: 3},
			{what: "at the tip: syncs of the disk for a block", run: tip + "nodes=2/empty", ours: "syncs", most: 1},
			{what: "at the tip: 1,000 known transactions, ms", run: tip + "nodes=2/transfers=1000", ours: "p50-ms", reference: "gossip-ms", most: 15},
			{what: "ten nodes, empty block, against GossipSub and one judgement", run: tip + "nodes=10/empty", ours: "p50-ms", reference: "gossip-ms", ratio: "of-gossip", most: 1.5},
			{what: "ten nodes, 1,000 known transactions, the same", run: tip + "nodes=10/transfers=1000", ours: "p50-ms", reference: "gossip-ms", ratio: "of-gossip", most: 1.5},
			{what: "ten nodes, empty block, against GossipSub and ten judgements on these processors", run: tip + "nodes=10/empty", ours: "p50-ms", reference: "gossip-ms", ratio: "of-shared", most: 1.5},
			{what: "ten nodes, 1,000 known transactions, against these", run: tip + "nodes=10/transfers=1000", ours: "p50-ms", reference: "gossip-ms", ratio: "of-shared", most: 1.5},
			{what: "template of 1,000 from a pool of 50,000, ms", run: "BenchmarkTemplate", ours: "p50-ms", most: 5},
			{what: "API: transactions taken a second, 64 clients", run: "BenchmarkAPI/submit", ours: "per-s", least: 5000},
			{what: "API: /v1/blocks/{height} a second", run: "BenchmarkAPI/blocks", ours: "per-s", least: 20_000},
			{what: "start to listening, empty, ms", run: start + "blocks=0", ours: "p50-ms", most: 60},
			{what: "start, 10,000 blocks, ms", run: start + "blocks=10000", ours: "p50-ms", most: 60},
			{what: "start, 100,000 blocks, ms", run: start + "blocks=100000", ours: "p50-ms", most: 150},
			{what: "resident idle, empty, MB", run: start + "blocks=0", ours: "idle-MB", most: 80},
			{what: "resident idle, 100,000 blocks, MB", run: start + "blocks=100000", ours: "idle-MB", most: 120},
			{what: "stripped binary, MB", run: start + "blocks=0", ours: "binary-MB", most: 45},
			{what: "disk of an empty block, bytes", run: start + "blocks=100000", ours: "disk-B", most: 1024},
			{what: "disk of a transfer, bytes", run: start + "transfers=1000", ours: "disk-B", most: 400},
		}},
	}
}
