package client

import (
	"net/http"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Status is what a node says of itself, GET /v1/status.
type Status struct {
	Agent      string        `json:"agent" doc:"name and version of the software"`
	ChainID    string        `json:"chain_id" doc:"the chain's name for people"`
	Genesis    chain.Hash    `json:"genesis" doc:"hash of block 0, which names the chain"`
	Height     uint64        `json:"height" doc:"height of the tip"`
	Tip        chain.Hash    `json:"tip" doc:"hash of the last block of the best chain"`
	TipTime    uint64        `json:"tip_timestamp" doc:"the tip's timestamp, Unix ms"`
	Difficulty uint64        `json:"difficulty" doc:"the tip's difficulty: hashes expected to find it"`
	Work       chain.Work    `json:"work" doc:"sum of all difficulties, a decimal"`
	PeerID     string        `json:"peer_id"`
	Addresses  []string      `json:"addresses" doc:"multiaddrs that others can dial, peer id included"`
	SeenAs     []string      `json:"seen_as,omitempty" doc:"IP addresses from which peers say that this node's connections come, that of most first, at most 4; unproven"`
	Peers      int           `json:"peers" doc:"connected peers of the same chain"`
	Synced     bool          `json:"synced" doc:"no peer has shown more work, or claims it while this node has yet to find out"`
	SyncTarget uint64        `json:"sync_target,omitempty" doc:"height that is being caught up with"`
	Mining     bool          `json:"mining" doc:"is looking for a block right now"`
	MiningHeld string        `json:"mining_held,omitempty" doc:"why it is not mining though it was told to"`
	Miner      chain.Address `json:"miner,omitempty" doc:"who gets the rewards"`
	Hashrate   float64       `json:"hashrate" doc:"hashes per second, of this node"`
	Pool       int           `json:"pool" doc:"waiting transactions, counted up to 5000"`
	TimeOffset int64         `json:"time_offset_ms" doc:"median of the peers' clocks minus this one, ms"`
	DiskFree   uint64        `json:"disk_free,omitempty" doc:"bytes free for the data directory; absent where that cannot be told"`
	WritesHeld string        `json:"writes_held,omitempty" doc:"why nothing is written for now: the disk is full or has failed"`
	TimeOff    string        `json:"time_warning,omitempty" doc:"that this clock is far off the median of the peers' clocks, and what to do"`
	Started    time.Time     `json:"started"`
}

// PeerState says how things stand with a peer.
type PeerState string

// The states of a peer.
const (
	PeerConnected PeerState = "connected" // and its genesis is ours
	PeerGreeting  PeerState = "greeting"  // connected, its status is awaited
	PeerGone      PeerState = "gone"      // it left, or was lost
	PeerRefused   PeerState = "refused"   // by us; Reason says why
	PeerBanned    PeerState = "banned"    // by us, until BannedUntil; Detail says why
)

// Peer is another node as this one sees it, GET /v1/peers. Height, Tip and
// Work are those of its last status.
type Peer struct {
	ID          string     `json:"id" doc:"peer id"`
	State       PeerState  `json:"state" enum:"connected,greeting,gone,refused,banned"`
	Since       time.Time  `json:"since" doc:"when it connected, or left"`
	Reason      string     `json:"reason,omitempty" doc:"why it is gone or refused"`
	Detail      string     `json:"detail,omitempty" doc:"more of the reason, for people"`
	Address     string     `json:"address,omitempty" doc:"multiaddr of the other end"`
	Direction   string     `json:"direction,omitempty" enum:"inbound,outbound" doc:"who dialled"`
	Transport   string     `json:"transport,omitempty" doc:"tcp, ws, quic-v1, relay or other"`
	Agent       string     `json:"agent,omitempty"`
	Height      uint64     `json:"height"`
	Tip         chain.Hash `json:"tip,omitzero"`
	Work        chain.Work `json:"work,omitzero"`
	Latency     float64    `json:"latency_ms,omitzero" doc:"of the last status exchange, ms"`
	Mesh        bool       `json:"mesh,omitempty" doc:"in the mesh of the topic blocks: new blocks go to it and come from it at once"`
	PausedUntil time.Time  `json:"paused_until,omitzero" doc:"nothing is fetched from it until then"`
	PauseReason string     `json:"pause_reason,omitempty" doc:"why nothing is fetched from it"`
	BannedUntil time.Time  `json:"banned_until,omitzero" doc:"this node has no dealings with it until then"`
	Deeds       []Deed     `json:"deeds" doc:"what was done about it over all its connections, latest last, at most 8"`
}

// Deed is something that a node did about a peer, or that happened to its
// connection. The same several times in a row is one.
type Deed struct {
	Act    string    `json:"act" doc:"left, refused, paused, offended, banned or lifted"`
	Reason string    `json:"reason"`
	Detail string    `json:"detail,omitempty" doc:"more of the reason, for people"`
	At     time.Time `json:"at" doc:"the last time"`
	Times  int       `json:"times" minimum:"1" doc:"how often in a row"`
}

// Fork is a known block of the best chain or of a side branch, with when and
// from whom it first came, GET /v1/forks.
type Fork struct {
	Height     uint64        `json:"height"`
	Hash       chain.Hash    `json:"hash"`
	Parent     chain.Hash    `json:"parent" doc:"hash of the block before it"`
	Work       chain.Work    `json:"work" doc:"of the chain that ends in this block, a decimal"`
	Difficulty uint64        `json:"difficulty"`
	Timestamp  uint64        `json:"timestamp" doc:"Unix ms, the miner's"`
	Miner      chain.Address `json:"miner"`
	TxCount    uint64        `json:"tx_count"`
	Seen       time.Time     `json:"seen" doc:"when this node first had it"`
	Source     chain.Source  `json:"source" doc:"through which door, and from which peer"`
	Best       bool          `json:"best" doc:"is on the best chain"`
}

// Check is one line of Health.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty" doc:"what was found"`
}

// Health is the answer of GET /livez and /readyz: 200 when OK, else 503.
type Health struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Work is a line of the answer to what takes the node long: how far it is, or
// how it ended.
type Work struct {
	Done     uint64  `json:"done,omitempty" doc:"parts done, each of about the same time"`
	Total    uint64  `json:"total,omitempty" doc:"all parts"`
	Finished bool    `json:"finished,omitempty" doc:"this is the last line"`
	Error    string  `json:"error,omitempty" doc:"what went wrong, or the first thing that is wrong; in the last line"`
	Backup   *Backup `json:"backup,omitempty" doc:"the backup that was made; in the last line"`
}

// BackupOrder asks for a backup, POST /v1/admin/backup.
type BackupOrder struct {
	Dir string `json:"dir" doc:"absolute path of a new or empty directory on the node's machine"`
}

// Backup says what a backup holds.
type Backup struct {
	Agent   string     `json:"agent" doc:"of the node that made it"`
	ChainID string     `json:"chain_id"`
	Genesis chain.Hash `json:"genesis"`
	Height  uint64     `json:"height"`
	Made    time.Time  `json:"made"`
	Tip     chain.Hash `json:"tip"`
	Work    chain.Work `json:"work"`
}

// Problem is an error as RFC 9457 writes it. Rule, Want and Got are there when
// a rule of the protocol was broken.
type Problem struct {
	Type   string `json:"type,omitempty" doc:"a URI of the kind of problem; about:blank if absent"`
	Title  string `json:"title" doc:"the text of the HTTP status"`
	Status int    `json:"status" doc:"the HTTP status"`
	Detail string `json:"detail,omitempty" doc:"what is wrong, in one line"`
	Rule   string `json:"rule,omitempty" doc:"the rule of the protocol that was broken"`
	Want   string `json:"want,omitempty" doc:"what the rule wants"`
	Got    string `json:"got,omitempty" doc:"what was found instead"`
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	if p.Title != "" {
		return p.Title
	}
	return http.StatusText(p.Status)
}
