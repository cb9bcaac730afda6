package chain

// Engine is the consensus engine of a chain: the rules that make a block
// costly. The genesis field `consensus` chooses it. Implementations are pure
// and safe for concurrent use; their errors match ErrInvalid.
type Engine interface {
	// Sealed checks the proof that h carries, without state.
	Sealed(h *Header) error
	// Prepare fills in what the engine prescribes for a block on s, from the
	// timestamp that h has; the proof itself comes later, by sealing.
	Prepare(s *State, h *Header)
	// Verify checks what Prepare filled in.
	Verify(s *State, h *Header) error
	// Work returns the expected number of hashes behind h.
	Work(h *Header) uint64
}

// Rules are a chain's constitution. They are not changed after NewRules, but
// for Keys before they are used, and safe for concurrent use.
type Rules struct {
	Params Params
	Engine Engine
	Keys   Keys // makes signatures cheaper to check and changes no verdict; or nil

	genesis *Block
}

// NewRules returns the rules of the chain that p defines. The error names the
// bad field of p.
func NewRules(p Params, e Engine) (*Rules, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Rules{Params: p, Engine: e, genesis: p.genesis()}, nil
}

// Genesis returns the block of height 0; its hash names the chain.
func (r *Rules) Genesis() *Block { return r.genesis }

// GenesisState returns the state whose tip is the genesis block.
func (r *Rules) GenesisState() State {
	return State{rules: r}.Extend(&r.genesis.Header)
}

// GenesisAccounts returns the accounts of height 0.
func (r *Rules) GenesisAccounts() Diff {
	return allocations(r.Params)
}
