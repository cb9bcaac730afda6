package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Region is where a machine stands: an index into a table of latencies.
type Region int

// Latencies is the one-way latency between regions, and within each.
type Latencies [][]time.Duration

// FiveRegions are Europe, eastern and western North America, eastern Asia and
// Oceania: 5 ms within one, up to 130 ms between two.
func FiveRegions() Latencies {
	ms := [][]int{
		{5, 40, 70, 110, 130},
		{40, 5, 30, 85, 100},
		{70, 30, 5, 55, 75},
		{110, 85, 55, 5, 60},
		{130, 100, 75, 60, 5},
	}
	l := make(Latencies, len(ms))
	for i, row := range ms {
		for _, n := range row {
			l[i] = append(l[i], time.Duration(n)*time.Millisecond)
		}
	}
	return l
}

// OneLAN is a single region of half a millisecond.
func OneLAN() Latencies { return Latencies{{500 * time.Microsecond}} }

// Bandwidth of a machine's access link, in bits per second.
type Bandwidth struct{ Up, Down float64 }

// Network is the medium: machines with access links, what lies between them,
// and who cannot reach whom at present. It is safe for concurrent use.
type Network struct {
	latencies Latencies
	epoch     time.Time
	buffers   buffers

	mu        sync.Mutex
	rng       *rand.Rand                  // guarded by mu
	loss      float64                     // share of TCP segments lost; guarded by mu
	machines  map[netip.Addr]*Machine     // guarded by mu
	listeners map[netip.AddrPort]*backlog // guarded by mu
}

// NewNetwork returns an empty network whose chance comes from seed.
func NewNetwork(latencies Latencies, seed uint64) *Network {
	return &Network{
		latencies: latencies,
		epoch:     time.Now(),
		rng:       rand.New(rand.NewPCG(seed, 1)),
		machines:  map[netip.Addr]*Machine{},
		listeners: map[netip.AddrPort]*backlog{},
	}
}

// Machine is one computer on the network: an address, a region, an access link.
type Machine struct {
	net    *Network
	addr   netip.Addr
	region Region

	// All guarded by net.mu.
	up    uplink
	down  downlink
	group int // machines reach those of their own group
	off   bool
	life  int // how often it was switched off: older connections are gone
	port  uint16
	pipes map[*pipe]struct{} // open ones
}

// AddMachine puts a machine on the network. Its address, in 10.0.0.0/8, tells
// the region and its number there.
func (n *Network) AddMachine(region Region, b Bandwidth) (*Machine, error) {
	if int(region) >= len(n.latencies) || region < 0 {
		return nil, fmt.Errorf("region %d: want one of %d", region, len(n.latencies))
	}
	if b.Up <= 0 || b.Down <= 0 {
		return nil, fmt.Errorf("bandwidth: want more than 0, got %+v", b)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	number := len(n.machines) + 1
	m := &Machine{
		net: n, region: region, port: 32768, pipes: map[*pipe]struct{}{},
		addr: netip.AddrFrom4([4]byte{10, byte(region), byte(number >> 8), byte(number)}),
		up:   uplink{perSecond: b.Up / 8},
		down: downlink{perSecond: b.Down / 8, epoch: n.epoch},
	}
	n.machines[m.addr] = m
	return m, nil
}

// Addr returns the machine's address.
func (m *Machine) Addr() netip.Addr { return m.addr }

// Traffic returns the bytes sent and received so far, headers included.
func (m *Machine) Traffic() (sent, received uint64) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	return m.up.bytes, m.down.bytes
}

// SetLoss sets the share of segments that every path loses, 0 … 1.
func (n *Network) SetLoss(share float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = share
}

// Split puts machines into groups between which nothing passes: what is sent
// vanishes and is sent again by TCP, dials are refused. Machines not named
// form a group of their own.
func (n *Network) Split(groups ...[]*Machine) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.machines {
		m.group = 0
	}
	for i, group := range groups {
		for _, m := range group {
			m.group = i + 1
		}
	}
}

// Unite ends every Split.
func (n *Network) Unite() { n.Split() }

// Off cuts a machine's power: its connections are gone without a word, and it
// answers nothing until On.
func (m *Machine) Off() {
	m.net.mu.Lock()
	m.off = true
	m.life++
	gone := m.pipes
	m.pipes = map[*pipe]struct{}{}
	for at := range m.net.listeners { // whoever listens there hears nothing more
		if at.Addr() == m.addr {
			delete(m.net.listeners, at)
		}
	}
	m.net.mu.Unlock()
	for p := range gone {
		p.vanish(m)
	}
}

// On switches a machine on again. Who still speaks to what ran before is told
// that there is no such connection.
func (m *Machine) On() {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	m.off = false
}

// CutConnections resets every open connection of a machine at both ends, as a
// router does that forgets them.
func (m *Machine) CutConnections() {
	m.net.mu.Lock()
	cut := m.pipes
	m.pipes = map[*pipe]struct{}{}
	m.net.mu.Unlock()
	for p := range cut {
		p.reset()
	}
}

func (n *Network) latency(a, b *Machine) time.Duration { return n.latencies[a.region][b.region] }

// joined tells whether packets pass between two machines. The caller holds mu.
func joined(a, b *Machine) bool { return !a.off && !b.off && a.group == b.group }

// buffers are those of what is on its way.
type buffers struct{ pool sync.Pool }

func (b *buffers) copy(data []byte) []byte {
	if len(data) <= chunkBytes/4 {
		return append([]byte(nil), data...)
	}
	free, ok := b.pool.Get().(*[chunkBytes]byte)
	if !ok {
		free = new([chunkBytes]byte)
	}
	return append(free[:0], data...)
}

func (b *buffers) put(data []byte) {
	if cap(data) == chunkBytes {
		b.pool.Put((*[chunkBytes]byte)(data[:chunkBytes]))
	}
}
