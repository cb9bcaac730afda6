package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/lp2pnode/lp2pnode/node"
)

// defaultAPI is where a node's API listens and where commands look for it.
const defaultAPI = "127.0.0.1:9471"

// options are the settings in force, read and checked.
type options struct {
	node        node.Config
	api         string // host:port to listen on, "" for none
	apiHosts    []string
	ephemeral   bool
	genesisFile string // "" is the built-in chain
	homeDir     string // the data directory below the user's home; "" if it is elsewhere or the default
	debug       bool
	heap        int64 // see profile
	logLevel    slog.Level
	logFormat   string // "text" or "json"
}

// options returns what to run, and the values that made it so, by name.
func (s *settings) options() (*options, map[string]given, error) {
	inForce, err := s.resolve()
	if err != nil {
		return nil, nil, err
	}
	o, wrong := s.apply(inForce)
	if err := wrong.asError(); err != nil {
		return nil, nil, err
	}
	return o, inForce, asUsage(o.fit(inForce))
}

// apply puts values through their setters. Each problem says where the value
// stands.
func (s *settings) apply(values map[string]given) (*options, problems) {
	o := &options{node: node.DefaultConfig()}
	o.node.Agent = agent()
	o.node.Metrics = true
	o.node.Params = node.LANParams()
	var wrong problems
	for _, row := range s.table {
		value := values[row.name]
		if err := row.set(o, value.values); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", value.at(row.name), err))
		}
	}
	return o, wrong
}

// at says where a bad value of a setting stands.
func (g given) at(name string) string {
	if g.origin == fromFile || g.origin == fromDefault {
		return g.where + ": " + name
	}
	return g.where
}

// fit checks and settles what no setting can on its own.
func (o *options) fit(values map[string]given) error {
	if o.ephemeral {
		if err := o.forget(values); err != nil {
			return err
		}
	}
	if o.node.DataDir == "" && !o.ephemeral {
		return errors.New("no data directory, for want of a home: name one with --data-dir, or use --ephemeral")
	}
	if window := o.node.Params.RetargetWindow; !o.node.MineEmpty && window != 0 {
		return fmt.Errorf("%s=false: chain %s adjusts its difficulty (retarget_window %d) and would take idle time "+
			"for missing hash power; leave it out, or make a chain with lp2pnode genesis new --window 0",
			values["mine-empty"].at("mine-empty"), o.node.Params.ChainID, window)
	}
	return nil
}

// forget makes the node ephemeral: no directory, free ports where none is named.
func (o *options) forget(values map[string]given) error {
	asked, dir := values["ephemeral"], values["data-dir"]
	if dir.origin >= asked.origin {
		return fmt.Errorf("%s keeps all in memory, %s on disk: leave one out", asked.at("ephemeral"), dir.at("data-dir"))
	}
	o.node.DataDir = ""
	values["data-dir"] = given{[]string{""}, asked.origin, asked.where}
	if values["api"].origin == fromDefault {
		o.api = "127.0.0.1:0"
		values["api"] = given{[]string{o.api}, asked.origin, asked.where}
	}
	return nil
}
