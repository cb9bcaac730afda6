package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// MaxParamsBytes bounds a genesis file.
const MaxParamsBytes = 16 << 20

// Params are a chain's genesis parameters (protocol §3). Times are in
// milliseconds, sizes in bytes, amounts in units of account.
type Params struct {
	Allocations       map[Address]uint64 `json:"allocations"`
	BlockIntervalMS   uint64             `json:"block_interval_ms"`
	ChainID           string             `json:"chain_id"`
	Consensus         string             `json:"consensus"`
	HalvingInterval   uint64             `json:"halving_interval"`
	InitialDifficulty uint64             `json:"initial_difficulty"`
	MaxBlockBytes     uint64             `json:"max_block_bytes"`
	MaxDataBytes      uint64             `json:"max_data_bytes"`
	RetargetWindow    uint64             `json:"retarget_window"`
	Reward            uint64             `json:"reward"`
	Timestamp         uint64             `json:"timestamp"`
}

// ParseParams reads a genesis file: strict about fields and values, free about
// white space and order. Its errors name the field.
func ParseParams(raw []byte) (Params, error) {
	if len(raw) > MaxParamsBytes {
		return Params{}, fmt.Errorf("want at most %d bytes, got %d", MaxParamsBytes, len(raw))
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Params{}, notAnObject(raw, err)
	}
	names := paramNames()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(names, name) {
			return Params{}, fmt.Errorf("unknown field %.60q; the fields are %s", name, strings.Join(names, ", "))
		}
	}
	for _, name := range names {
		value, ok := fields[name]
		if !ok {
			return Params{}, fmt.Errorf("field %q is missing", name)
		}
		if value.Kind() == 'n' {
			return Params{}, fmt.Errorf("field %q: want a value, got null", name)
		}
	}
	var p Params
	if err := canonical.Read(raw, &p); err != nil {
		return Params{}, illTyped(fields, err)
	}
	return p, p.Check()
}

// notAnObject says in people's words why text has no fields.
func notAnObject(raw []byte, err error) error {
	if syntax := new(jsontext.SyntacticError); errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %s", strings.TrimPrefix(syntax.Error(), "jsontext: "))
	}
	return fmt.Errorf("want a JSON object with genesis fields, got %.60s", raw)
}

// illTyped says in people's words which field has a value of another type.
func illTyped(fields map[string]jsontext.Value, err error) error {
	wrong := new(json.SemanticError)
	if !errors.As(err, &wrong) {
		return err
	}
	name, within := "", []string(nil)
	for token := range wrong.JSONPointer.Tokens() {
		if name == "" {
			name = token
		} else {
			within = append(within, fmt.Sprintf(", %.60q", token))
		}
	}
	value, ok := fields[name]
	if !ok {
		return err
	}
	at := fmt.Sprintf("field %q%s", name, strings.Join(within, ""))
	if wrong.Err != nil {
		return fmt.Errorf("%s: %w", at, wrong.Err)
	}
	wanted := "a text in quotes"
	if name == "allocations" {
		wanted = "an object with addresses and their units"
	}
	return fmt.Errorf("%s: want %s, got %.60s", at, wanted, value)
}

// paramNames lists the fields of a genesis file, sorted.
func paramNames() []string {
	raw, _ := canonical.Marshal(Params{}) // constant
	var fields map[string]jsontext.Value
	_ = json.Unmarshal(raw, &fields)
	return slices.Sorted(maps.Keys(fields))
}

var chainIDForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// Check returns an error that names the first field outside the limits of
// protocol §3.
func (p Params) Check() error {
	between := func(name string, got, low, high uint64) error {
		if got < low || got > high {
			return fmt.Errorf("field %q: want %d to %d, got %d", name, low, high, got)
		}
		return nil
	}
	if err := p.checkAllocations(); err != nil {
		return err
	}
	if err := between("block_interval_ms", p.BlockIntervalMS, 100, 86_400_000); err != nil {
		return err
	}
	if !chainIDForm.MatchString(p.ChainID) {
		return fmt.Errorf("field %q: want 1 to 32 of a-z, 0-9 and -, got %.60q", "chain_id", p.ChainID)
	}
	if p.Consensus != "pow" {
		return fmt.Errorf("field %q: want \"pow\", got %.60q", "consensus", p.Consensus)
	}
	if p.RetargetWindow != 0 {
		if err := between("retarget_window", p.RetargetWindow, 10, 1000); err != nil {
			return fmt.Errorf("%w (or 0 to keep the initial difficulty)", err)
		}
	}
	for _, f := range []struct {
		name           string
		got, low, high uint64
	}{
		{"halving_interval", p.HalvingInterval, 0, canonical.MaxInteger},
		{"initial_difficulty", p.InitialDifficulty, 1, canonical.MaxInteger},
		{"max_block_bytes", p.MaxBlockBytes, 4096, 8_388_608},
		{"max_data_bytes", p.MaxDataBytes, 0, p.MaxBlockBytes},
		{"reward", p.Reward, 0, 100_000_000},
		{"timestamp", p.Timestamp, 0, 253_402_300_799_999},
	} {
		if err := between(f.name, f.got, f.low, f.high); err != nil {
			return err
		}
	}
	return nil
}

func (p Params) checkAllocations() error {
	var sum uint64
	for _, a := range slices.Sorted(maps.Keys(p.Allocations)) {
		if _, err := a.Key(); err != nil {
			return fmt.Errorf("field %q: %w", "allocations", err)
		}
		amount := p.Allocations[a]
		if amount > canonical.MaxInteger-sum {
			return fmt.Errorf("field %q: want a sum of at most %d, passed at %s", "allocations", uint64(canonical.MaxInteger), a)
		}
		sum += amount
	}
	return nil
}

// Canonical returns the parameters' canonical JSON.
func (p Params) Canonical() []byte {
	raw, err := canonical.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("chain: parameters not checked: %v", err))
	}
	return raw
}

// BlockInterval returns T, the target time between blocks.
func (p Params) BlockInterval() time.Duration {
	return time.Duration(p.BlockIntervalMS) * time.Millisecond
}

// MaxAheadMS returns F, the milliseconds that a timestamp may be ahead of a
// clock (protocol §6).
func (p Params) MaxAheadMS() uint64 { return max(15_000, 3*p.BlockIntervalMS) }

// RewardAt returns the units that the miner of a height gets (protocol §5).
func (p Params) RewardAt(height uint64) uint64 {
	if p.HalvingInterval == 0 {
		return p.Reward
	}
	shift := height / p.HalvingInterval
	if shift >= 53 {
		return 0
	}
	return p.Reward >> shift
}

// genesis returns the block of height 0 (protocol §3).
func (p Params) genesis() *Block {
	h := Header{
		Difficulty:  p.InitialDifficulty,
		HistoryRoot: emptyRoot,
		PrevHash:    sha256.Sum256(p.Canonical()),
		Timestamp:   p.Timestamp,
		TxRoot:      emptyRoot,
		Version:     Version,
	}
	h.Hash = h.ComputeHash()
	return NewBlock(h, nil)
}
