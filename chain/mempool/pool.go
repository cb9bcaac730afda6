package mempool

import (
	"slices"
	"sync"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Config says how much a pool keeps. A zero field is its default.
type Config struct {
	MaxBytes            uint64        // of memory for all transactions; 64 MiB
	MaxPerSender        uint64        // transactions, and nonces from the account's next; 64
	MaxFeelessPerSender int           // transactions with fee 0; 16
	MaxFeelessPerPeer   int           // transactions with fee 0 that came first from one peer; 1024
	MaxAge              time.Duration // 3 h
	FloorHalfLife       time.Duration // the floor that a full pool raised halves so often; 10 min
	MinFee              uint64        // units for each 1,000 bytes begun; 0 welcomes fee-less records
}

func (c Config) withDefaults() Config {
	return Config{
		MaxBytes:            or(c.MaxBytes, 64<<20),
		MaxPerSender:        or(c.MaxPerSender, 64),
		MaxFeelessPerSender: or(c.MaxFeelessPerSender, 16),
		MaxFeelessPerPeer:   or(c.MaxFeelessPerPeer, 1024),
		MaxAge:              or(c.MaxAge, 3*time.Hour),
		FloorHalfLife:       or(c.FloorHalfLife, 10*time.Minute),
		MinFee:              c.MinFee,
	}
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Pool holds the transactions that wait for a block. Its owner guards every
// call, the reading ones and their iterators too, but for Known.
type Pool struct {
	cfg     Config
	senders map[chain.Address]*sender
	reading sync.RWMutex          // guards changes of ids against Known
	ids     map[chain.Hash]*entry // changed by link and unlink
	origins map[string]*origin
	best    queue[*sender] // those with something ready, best first chunk first
	worst   queue[*sender] // all, worst end of the list first
	ages    queue[*entry]  // oldest first
	left    outcomes
	floor   floor
	seq     uint64

	bytes   uint64 // of canonical form
	memory  uint64 // sum of cost
	waiting uint64 // part of memory: behind a gap
	feeless uint64 // part of memory: with fee 0
}

// New returns an empty pool.
func New(cfg Config) *Pool {
	cfg = cfg.withDefaults()
	return &Pool{
		cfg:     cfg,
		senders: map[chain.Address]*sender{},
		ids:     map[chain.Hash]*entry{},
		origins: map[string]*origin{},
		floor:   floor{half: cfg.FloorHalfLife},
		best: queue[*sender]{
			first: func(a, b *sender) bool { return a.chunks[0].before(b.chunks[0].key) },
			place: func(s *sender) *int { return &s.bestAt },
		},
		worst: queue[*sender]{
			first: func(a, b *sender) bool { return b.last.before(a.last) },
			place: func(s *sender) *int { return &s.worstAt },
		},
		ages: queue[*entry]{
			first: func(a, b *entry) bool { return a.seen.Before(b.seen) },
			place: func(e *entry) *int { return &e.ageAt },
		},
	}
}

// Shares of MaxBytes: what waits behind a gap earns nobody anything, and what
// pays no fee must leave room for what does.
func (p *Pool) maxWaiting() uint64 { return p.cfg.MaxBytes / 8 }
func (p *Pool) maxFeeless() uint64 { return p.cfg.MaxBytes / 4 }

// link puts e in. refresh(e.sender) has to follow.
func (p *Pool) link(e *entry) {
	s, o := e.sender, e.origin
	at, _ := s.find(e.tx.Nonce)
	s.list = slices.Insert(s.list, at, e)
	p.senders[s.address] = s
	p.reading.Lock()
	p.ids[e.tx.ID()] = e
	p.reading.Unlock()
	p.origins[o.peer] = o
	p.ages.add(e)
	o.entries++
	p.bytes += uint64(len(e.tx.Raw()))
	p.memory += e.cost
	if e.waiting {
		p.waiting += e.cost
	}
	if e.feeless() {
		p.feeless += e.cost
		s.feeless++
		o.feeless++
	}
}

// unlink takes e out. refresh(e.sender) has to follow.
func (p *Pool) unlink(e *entry) {
	s, o := e.sender, e.origin
	at, _ := s.find(e.tx.Nonce)
	s.list = slices.Delete(s.list, at, at+1)
	p.reading.Lock()
	delete(p.ids, e.tx.ID())
	p.reading.Unlock()
	p.ages.set(e, false)
	o.entries--
	p.bytes -= uint64(len(e.tx.Raw()))
	p.memory -= e.cost
	if e.waiting {
		p.waiting -= e.cost
	}
	if e.feeless() {
		p.feeless -= e.cost
		s.feeless--
		o.feeless--
	}
	if o.entries == 0 {
		delete(p.origins, o.peer)
	}
}

// refresh brings a sender to its place after its list or account changed, and
// returns the entries whose gap has closed.
func (p *Pool) refresh(s *sender) (freed []*entry) {
	s.order()
	for i, e := range s.list {
		switch waits := i >= s.ready; {
		case waits && !e.waiting:
			p.waiting += e.cost
			e.waiting = true
		case !waits && e.waiting:
			p.waiting -= e.cost
			e.waiting = false
			freed = append(freed, e)
		}
	}
	p.best.set(s, s.ready > 0)
	p.worst.set(s, len(s.list) > 0)
	if len(s.list) == 0 {
		delete(p.senders, s.address)
	}
	return freed
}

// trim takes entries out from the back of the order until the caps hold. It
// stops, without success, where the next to leave would be newcomer.
func (p *Pool) trim(newcomer *entry) (out []*entry, top Rate, ok bool) {
	for p.memory > p.cfg.MaxBytes || p.waiting > p.maxWaiting() {
		s := p.worst.items[0]
		e := s.list[len(s.list)-1]
		if e == newcomer {
			return out, top, false
		}
		if !e.waiting {
			top = max(top, s.last.rate.plus(floorStep))
		}
		p.unlink(e)
		p.refresh(s)
		out = append(out, e)
	}
	return out, top, true
}

// settle trims, with nobody to spare, and tells what left.
func (p *Pool) settle(now time.Time) []*chain.Transaction {
	out, top, _ := p.trim(nil)
	p.floor.raise(top, now)
	for _, e := range out {
		p.left.note(e.tx.ID(), Outcome{Fate: FateEvicted})
	}
	return transactions(out)
}

// holds reports whether e itself is in the pool.
func (p *Pool) holds(e *entry) bool { return p.ids[e.tx.ID()] == e }

func transactions(entries []*entry) []*chain.Transaction {
	var txs []*chain.Transaction
	for _, e := range entries {
		txs = append(txs, e.tx)
	}
	return txs
}
