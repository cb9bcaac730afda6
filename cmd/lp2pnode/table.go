package main

import (
	"strconv"

	"github.com/lp2pnode/lp2pnode/node"
)

// kind is the type of a setting, as a TOML file has it.
type kind int

const (
	text    kind = iota
	list         // of texts; flags may be repeated, and commas separate
	boolean      // true or false
	number       // whole or decimal
)

// setting is one row of the table that makes flags, environment variables,
// keys of the configuration file and the output of `config`.
type setting struct {
	name string // of the flag and the key; LP2P_NAME in the environment
	arg  string // what the value is called in the help
	kind kind
	def  string // "" is nothing, or the empty list
	// blank: "" is a value. Where it is not, an empty variable counts as unset.
	blank bool
	help  string
	set   setter
}

// setter checks the values given for a setting (one, or any number for a list)
// and puts them into o. Its error says what is wanted and what was found.
type setter func(o *options, values []string) error

// table returns all settings of a node, in the order in which people meet them.
func table(env environment) []setting {
	return []setting{
		{"bootstrap", "MULTIADDR", list, "", true, "peers to join, as multiaddrs; commas separate", setBootstrap},
		{"listen", "MULTIADDR", list, "", true, "addresses to listen on for peers (none: TCP port 9470, IPv4 and IPv6)", setListen},
		{"announce", "MULTIADDR", list, "", true, "addresses to tell peers instead of the ones they see", setAnnounce},
		{"data-dir", "DIR", text, env.dataDir(), false, "where the node keeps its key and its chain", setDataDir(env)},
		{"ephemeral", "", boolean, "false", false, "keep all in memory and listen on free ports", setEphemeral},
		{"genesis", "FILE", text, "", true, "genesis file of the chain (none: the built-in chain lan)", setGenesis},
		{"mdns", "", boolean, "true", false, "find peers of the same chain on the LAN", setMDNS},
		{"mine", "", boolean, "true", false, "make blocks", setMine},
		{"mine-empty", "", boolean, "true", false, "make blocks without transactions too", setMineEmpty},
		{"mine-alone", "", boolean, "false", false, "make blocks before any known peer was met", setMineAlone},
		{"miner-address", "ADDRESS", text, "", true, "who gets the rewards (none: the node's own key)", setMinerAddress},
		{"miner-threads", "N", number, "1", false, "processor threads that mine", setMinerThreads},
		{"max-hashrate", "N", number, "0", false, "hashes per second at most, over all threads (0: no limit)", setMaxHashrate},
		{"block-data", "TEXT", text, "", true, "note in each block that is mined here, up to 256 bytes", setBlockData},
		{"min-fee", "UNITS", number, "0", false, "least fee, for each 1,000 bytes begun, of a transaction that this node takes and passes on", setMinFee},
		{"api", "HOST:PORT", text, defaultAPI, true, `where programs and the other commands reach the node ("": nowhere)`, setAPI},
		{"api-hosts", "NAME", list, "", true, "names by which the API may be called beside localhost and IP addresses: a proxy's, a container's", setAPIHosts},
		{"profile", "NAME", text, "laptop", false, "how much of the machine to take: pi, laptop or server", setProfile},
		{"cache-mib", "MIB", number, "0", false, "MiB of memory that keep what was read from disk (0: by the profile)", setCacheMiB},
		{"min-free-mib", "MIB", number, strconv.Itoa(node.DefaultMinFree >> 20), false, "MiB that have to be free on the disk of the data directory, or the node stops writing", setMinFreeMiB},
		{"max-peers", "N", number, "0", false, "connections above which the least useful are closed (0: by the profile)", setMaxPeers},
		{"debug", "", boolean, "false", false, "serve profiles of the running program at /debug/pprof/ of the API, to this machine only", setDebug},
		{"log-level", "LEVEL", text, "info", false, "least level to log: debug, info, warn or error", setLogLevel},
		{"log-format", "FORMAT", text, "text", false, "form of log lines on stderr: text or json", setLogFormat},
	}
}
