package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/libp2p/go-libp2p/p2p/net/swarm"

	"github.com/lp2pnode/lp2pnode/bootstrap"
)

// checkBootstrap tells of each entry how far it leads: its name resolves, its
// addresses are dialled, the identity is the one wanted, the chain is ours.
func (p *patient) checkBootstrap(ctx context.Context) []Result {
	if len(p.cfg.Node.Bootstrap) == 0 {
		return one(skipped("", "no entries are configured"))
	}
	s := p.survey()
	if s.err != nil {
		return one(finding("no-end", oneLine(s.err)))
	}
	var results []Result
	for _, e := range s.entries {
		r := p.judgeEntry(e)
		r.Steps = p.entrySteps(e)
		results = append(results, r.of(e.Entry.Text))
	}
	return results
}

// judgeEntry names the first thing that keeps an entry from being of use; one
// address that works is enough.
func (p *patient) judgeEntry(e entry) Result {
	if e.Err != nil {
		name, _ := e.Entry.Addr.ValueForProtocol(e.Entry.Addr[0].Protocol().Code)
		return finding("name-unresolved", bootstrap.Reason(e.Err), "{name}", name)
	}
	for _, c := range e.asked {
		if c.err == nil && c.said.Genesis == p.rules.Genesis().Hash {
			return ok("", "%s at %s, height %d, %s", c.id, c.addr, c.said.Height, c.said.Agent)
		}
	}
	if e.own {
		return ok("", "it leads to the node that runs here")
	}
	if len(e.asked) > 0 {
		c := e.asked[0]
		if c.err != nil {
			return finding("no-status", bootstrap.Reason(c.err))
		}
		return finding("other-genesis", fmt.Sprintf("%s at %s is of another chain", c.id, c.addr),
			"{theirs}", c.said.Genesis.String(), "{ours}", p.rules.Genesis().Hash.String())
	}
	for _, d := range e.Doors {
		if d.Err == nil {
			return finding("other-identity", fmt.Sprintf("want %s, %s answers", e.Entry.ID, d.ID), "{id}", d.ID.String(), "{addr}", d.Addr.String())
		}
	}
	if len(e.Doors) == 0 {
		return finding("name-unresolved", "it leads to no address", "{name}", e.Entry.Text)
	}
	return closedDoor(e.Doors[0])
}

// closedDoor says why nobody answers at an address.
func closedDoor(d bootstrap.Door) Result {
	id := "entry-no-node"
	cause := dialCause(d.Err)
	timeout := net.Error(nil)
	switch {
	case errors.Is(cause, syscall.ECONNREFUSED):
		id = "entry-refused"
	case errors.Is(cause, syscall.ENETUNREACH), errors.Is(cause, syscall.EHOSTUNREACH), errors.Is(cause, syscall.EADDRNOTAVAIL):
		id = "entry-unreachable"
	case errors.Is(cause, context.DeadlineExceeded), errors.As(cause, &timeout) && timeout.Timeout(), errors.Is(cause, swarm.ErrDialTimeout):
		id = "entry-silent"
	}
	return finding(id, bootstrap.Reason(d.Err), "{addr}", d.Addr.String())
}

// dialCause is the error of the one address that was dialled.
func dialCause(err error) error {
	var failed *swarm.DialError
	if errors.As(err, &failed) && len(failed.DialErrors) > 0 {
		return failed.DialErrors[0].Cause
	}
	return err
}

// entrySteps tells the way in the order in which it was gone.
func (p *patient) entrySteps(e entry) []Step {
	if e.Err != nil {
		return []Step{{"resolve", false, bootstrap.Reason(e.Err)}}
	}
	var texts []string
	for _, a := range e.Resolved {
		texts = append(texts, a.String())
	}
	steps := []Step{{"resolve", true, strings.Join(texts, ", ")}}
	for _, d := range e.Doors {
		if d.Err != nil {
			steps = append(steps, Step{"dial", false, d.Addr.String() + ": " + bootstrap.Reason(d.Err)})
			continue
		}
		steps = append(steps, Step{"dial", true, d.Addr.String()},
			Step{"identity", e.Entry.ID == "" || e.Entry.ID == d.ID, d.ID.String()})
	}
	for _, c := range e.asked {
		if c.err != nil {
			steps = append(steps, Step{"genesis", false, bootstrap.Reason(c.err)})
			continue
		}
		steps = append(steps, Step{"genesis", c.said.Genesis == p.rules.Genesis().Hash, c.said.Genesis.String()})
	}
	return steps
}
