package chain

// Via says through which door a block or transaction came.
type Via string

// The doors.
const (
	ViaGossip Via = "gossip"
	ViaSync   Via = "sync"
	ViaMiner  Via = "miner"
	ViaAPI    Via = "api"
	ViaImport Via = "import"
)

// Source says from whom a block or transaction came first.
type Source struct {
	Via  Via    `json:"via"`
	Peer string `json:"peer,omitzero"` // peer id; "" is this node itself
}

// Cursor is a place in the history of a node's best chain.
type Cursor struct {
	Height uint64 `json:"height"`
	Hash   Hash   `json:"hash"`
}

// Cursor returns the place of this header.
func (h *Header) Cursor() Cursor { return Cursor{h.Height, h.Hash} }

// Step is one block leaving or joining the best chain.
type Step struct {
	Revert bool
	Block  *Block
}
