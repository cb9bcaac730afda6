package node

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// metrics are what a node counts while it works. All else is read from its rooms
// when somebody asks (collector). Each node has a registry of its own.
type metrics struct {
	registry    *prometheus.Registry
	processing  *prometheus.HistogramVec
	propagation *prometheus.HistogramVec
	store       *prometheus.HistogramVec
	refused     prometheus.Counter
}

// Metrics returns what can be asked of the node's metrics.
func (n *Node) Metrics() prometheus.Gatherer { return n.metrics.registry }

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		processing: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lp2pnode_block_processing_seconds",
			Help:    "How long each stage took of a block that came alone.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 4, 9), // 50 µs to 3.3 s
		}, []string{"stage"}),
		propagation: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lp2pnode_block_propagation_seconds",
			Help:    "Time from the timestamp of a block from gossip until it was received, and until it was accepted and passed on. Clocks that differ count.",
			Buckets: []float64{0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2, 3, 5, 10, 30, 60},
		}, []string{"stage"}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lp2pnode_store_operation_seconds",
			Help:    "How long operations of the store took: a change of blocks on disk, keeping a waiting transaction, reading a block.",
			Buckets: prometheus.ExponentialBuckets(25e-6, 4, 9), // 25 µs to 1.6 s
		}, []string{"operation"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lp2pnode_connections_refused_total",
			Help: "Connections that were not let in before it was known whose they are: over libp2p's limits per address or in all.",
		}),
	}
	m.registry.MustRegister(m.processing, m.propagation, m.store, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.begin()
	return m
}

// begin makes each series be there from the start, so that its first event is a
// change.
func (m *metrics) begin() {
	m.processing.WithLabelValues(string(p2p.StageDecode))
	for _, s := range []ledger.Stage{ledger.StageScreen, ledger.StageVerify, ledger.StageWait, ledger.StageExecute, ledger.StageCommit} {
		m.processing.WithLabelValues(string(s))
	}
	for _, s := range []p2p.Stage{p2p.StageReceived, p2p.StageAccepted} {
		m.propagation.WithLabelValues(string(s))
	}
	for _, op := range []store.Operation{store.OpCommit, store.OpKeep, store.OpBlock} {
		m.store.WithLabelValues(string(op))
	}
}

func (m *metrics) ledgerStage(s ledger.Stage, took time.Duration) {
	m.processing.WithLabelValues(string(s)).Observe(took.Seconds())
}

func (m *metrics) networkStage(s p2p.Stage, took time.Duration) {
	if s == p2p.StageDecode {
		m.processing.WithLabelValues(string(s)).Observe(took.Seconds())
		return
	}
	m.propagation.WithLabelValues(string(s)).Observe(max(took, 0).Seconds())
}

func (m *metrics) storeOperation(op store.Operation, took time.Duration) {
	m.store.WithLabelValues(string(op)).Observe(took.Seconds())
}

// metric is one row of the table of what is read when somebody asks.
type metric struct {
	name   string
	kind   prometheus.ValueType
	help   string
	labels []string
	read   func(*Node, emit)
}

// emit takes a value and those of the labels.
type emit func(value float64, labels ...string)

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// collector reads the state of a node's rooms. It implements
// prometheus.Collector.
type collector struct {
	node  *Node
	table []metric
	descs []*prometheus.Desc
	depth *prometheus.Desc
	fsync *prometheus.Desc
}

func newCollector(n *Node) *collector {
	c := &collector{
		node:  n,
		table: table(),
		depth: prometheus.NewDesc("lp2pnode_reorganisation_depth_blocks", "Reorganisations, by how many blocks left the best chain.", nil, nil),
		fsync: prometheus.NewDesc("lp2pnode_store_sync_seconds", "How long the disk took to sync the store's log.", nil, nil),
	}
	for _, m := range c.table {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, m.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range append(c.descs, c.depth, c.fsync) {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for i, m := range c.table {
		m.read(c.node, func(value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(c.descs[i], m.kind, value, labels...)
		})
	}
	to <- depthHistogram(c.depth, c.node.ledger.Stats().Depths)
	c.collectSync(to)
}

// depthHistogram turns counts by depth into a histogram.
func depthHistogram(desc *prometheus.Desc, depths map[int]uint64) prometheus.Metric {
	buckets := map[float64]uint64{1: 0, 2: 0, 3: 0, 5: 0, 10: 0, 30: 0, 100: 0, 300: 0}
	var count, sum uint64
	for depth, n := range depths {
		count += n
		sum += n * uint64(depth)
		for most := range buckets {
			if float64(depth) <= most {
				buckets[most] += n
			}
		}
	}
	return prometheus.MustNewConstHistogram(desc, count, float64(sum), buckets)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// workOf returns work as a number that is near enough.
func workOf(w chain.Work) float64 {
	f, err := strconv.ParseFloat(w.String(), 64)
	if err != nil {
		return 0 // cannot be: it is a decimal
	}
	return f
}
