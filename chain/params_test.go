package chain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// params returns a good genesis file as a map, for rows that spoil it.
func params(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(readVectors(t).Genesis.Parameters))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func parse(t testing.TB, m map[string]any) error {
	t.Helper()
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	p, err := chain.ParseParams(raw)
	if err != nil {
		return err
	}
	_, err = chain.NewRules(p, pow.Engine{})
	return err
}

func TestGenesisFieldsKeepToTheirLimits(t *testing.T) {
	n := func(v ...uint64) (all []any) {
		for _, v := range v {
			all = append(all, v)
		}
		return all
	}
	holder := string(alice.address)
	for _, row := range []struct {
		field     string
		good, bad []any
	}{
		{
			"allocations",
			[]any{map[string]any{}, map[string]any{holder: 0}, map[string]any{holder: maxInteger}},
			[]any{
				map[string]any{holder: maxInteger, string(bob.address): 1},
				map[string]any{"": 1},
				map[string]any{holder[1:]: 1},
				map[string]any{holder: -1},
				map[string]any{holder: nil},
				map[string]any{holder: "1"},
				[]any{},
				nil,
			},
		},
		{"block_interval_ms", n(100, 86_400_000), n(0, 99, 86_400_001)},
		{
			"chain_id",
			[]any{"a", "-", "0", strings.Repeat("z", 32)},
			[]any{"", strings.Repeat("z", 33), "A", "a b", "a\n", "ä", "a_b", nil, 1},
		},
		{"consensus", []any{"pow"}, []any{"", "pos", "POW", nil}},
		{"halving_interval", n(0, 1, maxInteger), n(maxInteger + 1)},
		{"initial_difficulty", n(1, maxInteger), n(0, maxInteger+1)},
		{"max_block_bytes", n(32768, 8_388_608), n(4095, 8_388_609)},
		{"max_data_bytes", n(0, 1_000_000), n(1_000_001)},
		{"retarget_window", n(0, 10, 1000), n(1, 9, 1001)},
		{"reward", n(0, 100_000_000), n(100_000_001)},
		{"timestamp", n(0, 253402300799999), n(253402300800000)},
	} {
		for _, good := range row.good {
			m := params(t)
			m[row.field] = good
			if err := parse(t, m); err != nil {
				t.Errorf("%s %v: %v", row.field, good, err)
			}
		}
		for _, bad := range append(row.bad, 1.5, -1, true) {
			m := params(t)
			m[row.field] = bad
			if err := parse(t, m); err == nil || !strings.Contains(err.Error(), row.field) {
				t.Errorf("%s %v: want an error that names the field, got: %v", row.field, bad, err)
			}
		}
	}
}

func TestGenesisFieldsAreAllThereAndNoOther(t *testing.T) {
	good := params(t)
	if len(good) != 11 {
		t.Fatalf("the vectors have %d fields", len(good))
	}
	for name := range good {
		m := maps.Clone(good)
		delete(m, name)
		if err := parse(t, m); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: want an error that names it, got: %v", name, err)
		}
	}
	m := maps.Clone(good)
	m["min_fee"] = 1
	if err := parse(t, m); err == nil || !strings.Contains(err.Error(), "min_fee") {
		t.Errorf("with a field too many: want an error that names it, got: %v", err)
	}
	raw := readVectors(t).Genesis.Canonical
	for _, text := range []string{
		"", "[]", "null", raw + "{}", raw[1:], strings.Replace(raw, "{", `{"reward":1,`, 1), "\xef\xbb\xbf" + raw,
		strings.Replace(raw, "vectors-public", "\xff", 1),
	} {
		if _, err := chain.ParseParams([]byte(text)); err == nil {
			t.Errorf("accepted as a genesis file: %.60q", text)
		}
	}
	if _, err := chain.ParseParams(make([]byte, chain.MaxParamsBytes+1)); err == nil {
		t.Error("accepted a genesis file that is too long")
	}
}

func TestIllTypedGenesisFieldsAreToldInPeoplesWords(t *testing.T) {
	for _, row := range []struct {
		field string
		value any
		want  string
	}{
		{"reward", "x", `field "reward": want an integer from 0 to 9007199254740991, got "x"`},
		{"reward", -5, `field "reward": want an integer from 0 to 9007199254740991, got -5`},
		{"timestamp", 1.5, `field "timestamp": want an integer from 0 to 9007199254740991, got 1.5`},
		{"chain_id", 5, `field "chain_id": want a text in quotes, got 5`},
		{"consensus", []any{}, `field "consensus": want a text in quotes, got []`},
		{"allocations", []any{}, `field "allocations": want an object with addresses and their units, got []`},
		{"allocations", map[string]any{"x": 1}, `field "allocations", "x": want an address of 52 characters (12D3KooW…), got 1: "x"`},
	} {
		m := params(t)
		m[row.field] = row.value
		if err := parse(t, m); err == nil || err.Error() != row.want {
			t.Errorf("%s %v: want %s, got: %v", row.field, row.value, row.want, err)
		}
	}
	for text, want := range map[string]string{
		"hello": "not JSON: invalid character 'h' at start of value",
		"[1]":   "want a JSON object with genesis fields, got [1]",
	} {
		if _, err := chain.ParseParams([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: want %s, got: %v", text, want, err)
		}
	}
}

func TestOtherParametersAreAnotherChain(t *testing.T) {
	seen := map[chain.Hash]string{}
	for _, row := range []struct {
		field string
		value any
	}{
		{"chain_id", "vectors-public"}, // as they are
		{"allocations", map[string]any{}},
		{"block_interval_ms", 10_001},
		{"chain_id", "other"},
		{"halving_interval", 5},
		{"initial_difficulty", 257},
		{"max_block_bytes", 1_000_001},
		{"max_data_bytes", 32_769},
		{"retarget_window", 61},
		{"reward", 51},
		{"timestamp", 1_790_000_000_001},
	} {
		m := params(t)
		m[row.field] = row.value
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		p, err := chain.ParseParams(raw)
		if err != nil {
			t.Fatal(err)
		}
		hash := newRules(t, p).Genesis().Hash
		if other, twice := seen[hash]; twice {
			t.Errorf("another %s gives the same genesis hash as %s", row.field, other)
		}
		seen[hash] = fmt.Sprintf("%s %v", row.field, row.value)
	}
}

func TestRewardHalves(t *testing.T) {
	p := chain.Params{Reward: 50, HalvingInterval: 4}
	for height, want := range map[uint64]uint64{1: 50, 3: 50, 4: 25, 7: 25, 8: 12, 20: 1, 24: 0, 4 * 53: 0, 4 * 64: 0, maxInteger: 0} {
		if got := p.RewardAt(height); got != want {
			t.Errorf("reward at height %d is %d, want %d", height, got, want)
		}
	}
	p.HalvingInterval = 0
	if got := p.RewardAt(maxInteger); got != 50 {
		t.Errorf("reward without halving is %d, want 50", got)
	}
	p.HalvingInterval, p.Reward = 1, 100_000_000
	if got := p.RewardAt(26); got != 1 {
		t.Errorf("reward after 26 halvings is %d, want 1", got)
	}
}
