package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/node"
)

// stopTimeout is what a node gets to end cleanly once it was told to.
const stopTimeout = 5 * time.Second

// runNode runs a node until ctx ends; ending cleanly then is no error.
func runNode(ctx context.Context, t *terminal, s *settings) error {
	o, inForce, err := s.options()
	if err != nil {
		return err
	}
	log, setLevel := newLogger(t.err, o)
	for _, name := range s.strangers() {
		log.Warn("unknown environment variable", "name", name, "hint", "lp2pnode config lists the settings")
	}
	r := &reloader{settings: s, log: log, setLevel: setLevel, inForce: inForce}
	return within(ctx, stopTimeout, func(ctx context.Context) error { return o.run(ctx, t, r) })
}

// run opens every port first, so that nothing is written where one is taken; of
// a directory in use it tells before, for its node has taken the ports too.
func (o *options) run(ctx context.Context, t *terminal, r *reloader) error {
	if err := o.inUse(); err != nil {
		return err
	}
	door, err := listenAPI(o.api)
	if err != nil {
		return err
	}
	if door != nil {
		defer door.Close()
		o.node.APIURL = "http://" + reachable(door.Addr().String())
	}
	if err := o.probe(); err != nil {
		return err
	}
	o.tameHeap()
	o.node.Logger = r.log
	n, err := node.Open(o.node)
	if err != nil {
		return o.directoryError(err)
	}
	return errors.Join(unlessStopped(ctx, o.serve(ctx, t, n, door, r)), n.Close())
}

// serve runs an open node and its API, and greets once both answer.
func (o *options) serve(ctx context.Context, t *terminal, n *node.Node, door net.Listener, r *reloader) error {
	g, ctx := errgroup.WithContext(ctx)
	if door != nil {
		server, err := api.New(n, api.Config{Logger: o.node.Logger, Hosts: o.apiHosts, Debug: o.debug, Token: n.APIToken()})
		if err != nil {
			return err
		}
		g.Go(func() error { return server.Serve(ctx, door) })
	}
	g.Go(func() error { return n.Run(ctx) })
	g.Go(func() error { return r.run(ctx, n, findTerminal(t.in)) })
	g.Go(func() error { return supervise(ctx, n, r.log) })
	g.Go(func() error {
		<-ctx.Done()
		if cause := context.Cause(ctx); unlessStopped(ctx, cause) == nil {
			r.log.Info("stopping", "on", cause)
		}
		return nil
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-n.Ready():
			if err := o.greet(t.out, n); err != nil {
				o.node.Logger.Warn("greeting not shown", "error", err) // no reason to end
			}
			return nil
		}
	})
	return g.Wait()
}

// within calls f and returns its error; once ctx has ended, f gets limit more.
func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("stopping took more than %s; ended all the same: the chain on disk is whole up to its last block", limit)
	}
}

// unlessStopped drops the error of a context that was ended on purpose.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) || errors.Is(err, errHungUp) {
		return nil
	}
	return err
}
