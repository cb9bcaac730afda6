package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/multiformats/go-multiaddr"

	"github.com/lp2pnode/lp2pnode/bootstrap"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// maxThreads is beyond any machine and below what would hang one.
const maxThreads = 1024

func setBootstrap(o *options, values []string) error {
	o.node.Bootstrap = splitList(values)
	if _, err := bootstrap.ParseEntries(o.node.Bootstrap); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "bootstrap ")) // the setting is named already
	}
	return nil
}

func setListen(o *options, values []string) (err error) {
	o.node.Listen, err = multiaddrs(values, "/ip4/0.0.0.0/tcp/9470")
	return err
}

func setAnnounce(o *options, values []string) (err error) {
	o.node.Announce, err = multiaddrs(values, "/dns4/node.example.org/tcp/9470")
	return err
}

// multiaddrs checks addresses of this node itself, which carry no peer id.
func multiaddrs(values []string, example string) ([]string, error) {
	all := splitList(values)
	for _, s := range all {
		addr, err := multiaddr.NewMultiaddr(s)
		if good := fromHostPort(s); err != nil && good != "" {
			return nil, fmt.Errorf("%.120q is host and port, not a multiaddr; write %s", s, good)
		}
		if err != nil {
			return nil, fmt.Errorf("%.120q is not a multiaddr like %s: %w", s, example, err)
		}
		for _, part := range addr {
			if code := part.Protocol().Code; code == multiaddr.P_P2P || code == multiaddr.P_CIRCUIT {
				return nil, fmt.Errorf("%.120q: want an address of this node like %s, without /%s", s, example, part.Protocol().Name)
			}
		}
	}
	return all, nil
}

// fromHostPort returns the multiaddr of HOST:PORT for TCP, or "" if s is none.
func fromHostPort(s string) string {
	host, port, err := net.SplitHostPort(s)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		return ""
	}
	if host == "" {
		host = "0.0.0.0"
	}
	kind := "ip4"
	if ip := net.ParseIP(host); ip == nil && hostName.MatchString(host) {
		kind = "dns4"
	} else if ip == nil {
		return ""
	} else if ip.To4() == nil {
		kind = "ip6"
	}
	return "/" + kind + "/" + host + "/tcp/" + port
}

// splitList flattens values at commas and drops what is empty.
func splitList(values []string) []string {
	var all []string
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

func setDataDir(env environment) setter {
	return func(o *options, values []string) (err error) {
		dir := values[0]
		if dir == "" {
			return nil
		}
		if rest, ok := strings.CutPrefix(dir, "~/"); ok {
			dir = filepath.Join(env.home(), rest)
		}
		if o.node.DataDir, err = filepath.Abs(dir); err != nil {
			return err
		}
		home := filepath.Clean(env.home())
		rest, err := filepath.Rel(home, o.node.DataDir)
		rooted := home == filepath.Dir(home) // as a system user's may be: everything is below it
		if err == nil && !rooted && filepath.IsLocal(rest) && o.node.DataDir != env.dataDir() {
			o.homeDir = filepath.ToSlash(rest)
		}
		return nil
	}
}

func setEphemeral(o *options, values []string) error { return setBool(&o.ephemeral, values) }
func setMDNS(o *options, values []string) error      { return setBool(&o.node.MDNS, values) }
func setMine(o *options, values []string) error      { return setBool(&o.node.Mine, values) }
func setMineEmpty(o *options, values []string) error { return setBool(&o.node.MineEmpty, values) }
func setMineAlone(o *options, values []string) error { return setBool(&o.node.MineAlone, values) }

func setBool(to *bool, values []string) error {
	got, err := strconv.ParseBool(values[0])
	if err != nil {
		return fmt.Errorf("want true or false, got %.60q", values[0])
	}
	*to = got
	return nil
}

func setGenesis(o *options, values []string) (err error) {
	if o.genesisFile = values[0]; o.genesisFile != "" {
		o.node.Params, err = readGenesis(o.genesisFile, nil)
	}
	return err
}

func setMinerAddress(o *options, values []string) (err error) {
	if values[0] != "" {
		o.node.MinerAddress, err = chain.ParseAddress(values[0])
	}
	return err
}

func setMinerThreads(o *options, values []string) error {
	n, err := strconv.Atoi(values[0])
	if err != nil || n < 1 || n > maxThreads {
		return fmt.Errorf("want a whole number from 1 to %d, got %.60q", maxThreads, values[0])
	}
	o.node.MinerThreads = n
	return nil
}

func setMaxHashrate(o *options, values []string) error {
	rate, err := strconv.ParseFloat(values[0], 64)
	if err != nil || math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
		return fmt.Errorf("want hashes per second, 0 for no limit, got %.60q", values[0])
	}
	o.node.MaxHashrate = rate
	return nil
}

func setBlockData(o *options, values []string) error {
	note := values[0]
	if len(note) > chain.MaxNoteBytes {
		return fmt.Errorf("want at most %d bytes, got %d", chain.MaxNoteBytes, len(note))
	}
	if !utf8.ValidString(note) {
		return fmt.Errorf("want UTF-8, got %.60q", note)
	}
	o.node.BlockData = note
	return nil
}

func setMinFee(o *options, values []string) (err error) {
	o.node.MinFee, err = parseUnits(values[0])
	return err
}

// parseUnits reads an amount of account.
func parseUnits(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > canonical.MaxInteger {
		return 0, fmt.Errorf("want units from 0 to %d, got %.60q", uint64(canonical.MaxInteger), s)
	}
	return n, nil
}

func setAPI(o *options, values []string) error {
	o.api = values[0]
	if o.api == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(o.api)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || strings.Contains(o.api, "/") {
		return fmt.Errorf(`want host:port like %s, or "" for none, got %.120q`, defaultAPI, o.api)
	}
	return nil
}

// hostName is a name without port.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$`)

func setAPIHosts(o *options, values []string) error {
	o.apiHosts = splitList(values)
	for _, name := range o.apiHosts {
		if !hostName.MatchString(name) {
			return fmt.Errorf("want names like node.example.org, without scheme and port, got %.120q", name)
		}
	}
	return nil
}

func setLogLevel(o *options, values []string) error {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[strings.ToLower(values[0])]
	if !ok {
		return fmt.Errorf("want debug, info, warn or error, got %.60q", values[0])
	}
	o.logLevel = level
	return nil
}

func setLogFormat(o *options, values []string) error {
	if values[0] != "text" && values[0] != "json" {
		return fmt.Errorf("want text or json, got %.60q", values[0])
	}
	o.logFormat = values[0]
	return nil
}
