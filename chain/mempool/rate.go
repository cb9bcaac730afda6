package mempool

import (
	"math"
	"math/bits"
)

// Rate is a fee for bytes: units of account per 1,000,000 bytes of canonical
// form.
type Rate uint64

const rateBytes = 1_000_000

// rateOf returns what fee units for size bytes are as a rate, rounded down.
func rateOf(fee, size uint64) Rate {
	hi, lo := bits.Mul64(fee, rateBytes)
	if hi >= size {
		return math.MaxUint64
	}
	rate, _ := bits.Div64(hi, lo, size)
	return Rate(rate)
}

// Fee returns the least fee in units that pays the rate for size bytes.
func (r Rate) Fee(size int) uint64 {
	hi, lo := bits.Mul64(uint64(r), uint64(size))
	if hi >= rateBytes {
		return math.MaxUint64
	}
	fee, rest := bits.Div64(hi, lo, rateBytes)
	if rest > 0 && fee < math.MaxUint64 {
		fee++
	}
	return fee
}

// plus adds without wrapping round.
func (r Rate) plus(more Rate) Rate {
	if r > math.MaxUint64-more {
		return math.MaxUint64
	}
	return r + more
}

// times multiplies without wrapping round.
func times(a, b uint64) uint64 {
	if hi, lo := bits.Mul64(a, b); hi == 0 {
		return lo
	}
	return math.MaxUint64
}
