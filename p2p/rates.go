package p2p

import (
	"time"

	"golang.org/x/time/rate"
)

// A peer may ask for headers and blocks so often per second for long, and at
// once: several times what catching up takes. The pool is asked for once a
// connection.
const (
	requestRate  = 50
	requestBurst = 200
	poolEvery    = 10 * time.Second
	poolBurst    = 3
	// We ask a little less often than that, so that no wire makes it more.
	askRate  = requestRate * 4 / 5
	askBurst = requestBurst * 4 / 5
)

// requests are the rates of one peer on /lp2p/sync/1. They are safe for
// concurrent use.
type requests struct {
	theirs *rate.Limiter // all that it asks
	pool   *rate.Limiter // for our transactions
	ours   *rate.Limiter // what we ask it
}

func newRequests() requests {
	return requests{
		theirs: rate.NewLimiter(requestRate, requestBurst),
		pool:   rate.NewLimiter(rate.Every(poolEvery), poolBurst),
		ours:   rate.NewLimiter(askRate, askBurst),
	}
}

// allow tells whether the peer's request is within its rates.
func (r requests) allow(request any) bool {
	if _, pool := request.(transactionsRequest); pool && !r.pool.Allow() {
		return false
	}
	return r.theirs.Allow()
}
