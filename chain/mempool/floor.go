package mempool

import "time"

// floorStep is by how much the floor lies above what left a full pool, and
// what is too little to be a floor: one unit for 1,000 bytes.
const floorStep Rate = 1000

// floor is the rate under which a pool that was full refuses for a while.
type floor struct {
	rate  Rate
	since time.Time
	half  time.Duration
}

// at returns the rate at a time: it halves at each half-life.
func (f *floor) at(now time.Time) Rate {
	rate := f.rate
	if n := now.Sub(f.since) / f.half; n > 0 {
		rate >>= min(uint64(n), 64)
	}
	if rate < floorStep {
		return 0
	}
	return rate
}

func (f *floor) raise(to Rate, now time.Time) {
	if to > f.at(now) {
		f.rate, f.since = to, now
	}
}

// Price returns the least fee in units with which a transaction of size bytes
// is taken in now.
func (p *Pool) Price(size int, now time.Time) uint64 {
	thousands := (uint64(size) + 999) / 1000
	return max(p.floor.at(now).Fee(size), times(p.cfg.MinFee, thousands))
}

// SetMinFee sets the least fee, in units for each 1,000 bytes begun, of what is
// taken in from now on; what is here stays.
func (p *Pool) SetMinFee(units uint64) { p.cfg.MinFee = units }
