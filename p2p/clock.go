package p2p

import (
	"fmt"
	"time"
)

// ClockWarning says that this node's clock is more than half of what a
// timestamp may be ahead off the median of its peers' (protocol §7), and what
// to do; "" when it is not.
func (n *Network) ClockWarning() string {
	offset, peers := n.ClockOffset()
	if offset.Abs() <= n.mostOff()/2 {
		return ""
	}
	side := "behind"
	if offset < 0 {
		side = "ahead of"
	}
	return fmt.Sprintf("this clock is %s %s the median of %d peers; set it right (by NTP), for beyond %s the node does not mine",
		offset.Abs().Round(time.Millisecond), side, peers, n.mostOff())
}

// mostOff is F of protocol §7.
func (n *Network) mostOff() time.Duration {
	return time.Duration(n.rules.Params.MaxAheadMS()) * time.Millisecond
}

// watchClock logs when the clock's warning comes and when it goes.
func (n *Network) watchClock() {
	warning := n.ClockWarning()
	n.mu.Lock()
	before := n.clockOff
	n.clockOff = warning != ""
	n.mu.Unlock()
	switch {
	case warning != "" && !before:
		n.log.Warn("clock is off", "warning", warning)
	case warning == "" && before:
		n.log.Info("clock is right again")
	}
}
