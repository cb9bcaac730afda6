package p2p

import (
	"time"

	"golang.org/x/time/rate"
)

// A peer may ask for headers and blocks so often per second for long, and at
// once: several times what catching up takes, 128 blocks or 2000 headers each. The pool is asked for once a
// connection.
const (
	requestRate  = 400
	requestBurst = 800
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

// A peer may open so many status exchanges per second for long, and at once.
// Ours opens one every ten seconds, and four a second when there is news.
const (
	statusRate  = 10
	statusBurst = 50
)

// patience is how many requests over the rates are turned down, per second for
// long and at once, before the peer counts as flooding. Ours waits a second or
// two after each refusal.
const (
	patienceRate  = 10
	patienceBurst = 500
)

// statuses are the rates of one peer that have to do with no request in
// particular. They are safe for concurrent use.
type statuses struct {
	theirs   *rate.Limiter // the exchanges that it opens
	patience *rate.Limiter // what is turned down before it is disconnected
}

func newStatuses() statuses {
	return statuses{
		theirs:   rate.NewLimiter(statusRate, statusBurst),
		patience: rate.NewLimiter(patienceRate, patienceBurst),
	}
}
