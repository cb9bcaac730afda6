package sim

import "time"

const (
	segmentBytes = 1460 // payload of one TCP segment
	headerBytes  = 40   // IP and TCP headers of one segment

	slot = 2 * time.Millisecond // granularity of a downlink's bookings
)

// wireBytes is what payload takes on the wire, headers included.
func wireBytes(payload int) int {
	return payload + headerBytes*((payload+segmentBytes-1)/segmentBytes)
}

// uplink is one machine's sending side: what is written leaves in that order,
// one after the other. Its owner's lock guards it.
type uplink struct {
	perSecond float64 // bytes
	free      time.Time
	bytes     uint64
}

// send books bytes at now and returns when the last of them has left.
func (u *uplink) send(now time.Time, bytes int) time.Time {
	u.bytes += uint64(bytes)
	if u.free.Before(now) {
		u.free = now
	}
	u.free = u.free.Add(time.Duration(float64(bytes) / u.perSecond * float64(time.Second)))
	return u.free
}

// downlink is one machine's receiving side. Bookings come in the order of
// sending, and arrive in another, since paths differ in latency: so capacity is
// kept in slots of time, and each booking fills the first ones that are free
// from its arrival on. Its owner's lock guards it.
type downlink struct {
	perSecond float64 // bytes
	epoch     time.Time
	first     int64     // number of the slot used[0], counted from epoch
	used      []float64 // bytes booked per slot
	bytes     uint64
}

// receive books bytes whose last one arrives at the link's far end at arrival,
// and returns when it has come through. now is not after arrival and never
// goes back.
func (d *downlink) receive(now, arrival time.Time, bytes int) time.Time {
	d.bytes += uint64(bytes)
	d.forget(int64(now.Sub(d.epoch) / slot))
	most := d.perSecond * slot.Seconds()
	at, left := int64(arrival.Sub(d.epoch)/slot), float64(bytes)
	for ; ; at++ {
		i := at - d.first
		for int64(len(d.used)) <= i {
			d.used = append(d.used, 0)
		}
		took := min(most-d.used[i], left)
		d.used[i] += took
		if left -= took; left > 0 {
			continue
		}
		through := d.epoch.Add(time.Duration(at)*slot + time.Duration(d.used[i]/most*float64(slot)))
		if through.Before(arrival) {
			return arrival
		}
		return through
	}
}

// forget drops slots before the present one.
func (d *downlink) forget(present int64) {
	past := present - d.first
	if past <= 0 {
		return
	}
	if past >= int64(len(d.used)) {
		d.used = d.used[:0]
	} else {
		d.used = append(d.used[:0], d.used[past:]...)
	}
	d.first = present
}
