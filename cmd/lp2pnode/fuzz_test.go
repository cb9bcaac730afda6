package main

import (
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// FuzzConfigFile: whatever stands in a configuration file, each key is taken
// with the line it stands on, or refused in lines of text.
func FuzzConfigFile(f *testing.F) {
	f.Add("mine = false\nbootstrap = [\"/ip4/10.0.0.1/tcp/9470\"]\nmax-hashrate = 1e6\n")
	f.Add("listen = \"/ip4/0.0.0.0/tcp/9470/ws\"\nmin-fee = 1\n[table]\nx = 1979-05-27T07:32:00Z\n")
	f.Add("\"a\\u0062\" = inf\n'quoted' = nan\na.b.c = {}\n")
	rows := table(environment{})
	names := map[string]bool{}
	for _, row := range rows {
		names[row.name] = true
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := parseFile("node.toml", []byte(raw), rows)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "node.toml:") {
				t.Errorf("the error does not say where: %v", err)
			}
			return
		}
		for name, v := range values {
			if !names[name] || v.values == nil || !strings.HasPrefix(v.where, "node.toml:") {
				t.Errorf("%q is taken as %+v", name, v)
			}
		}
	})
}

// FuzzSettings: each setting takes a text from a flag, a variable or a file, or
// refuses it with a word.
func FuzzSettings(f *testing.F) {
	rows := table(environment{})
	for i, row := range rows {
		f.Add(uint(i), row.def)
		f.Add(uint(i), "/dns4/node.example/tcp/9470,10.0.0.1:9470")
	}
	f.Fuzz(func(t *testing.T, at uint, value string) {
		row := rows[at%uint(len(rows))]
		if row.name == "genesis" || row.name == "data-dir" {
			return // paths, which are opened
		}
		err := row.set(&options{}, []string{value})
		if err != nil && err.Error() == "" {
			t.Errorf("%s %q is refused without a word", row.name, value)
		}
	})
}

// FuzzFileRecord: what a transaction's data may say of a file.
func FuzzFileRecord(f *testing.F) {
	f.Add(`{"name":"a","sha256":"` + strings.Repeat("0", 64) + `","size":0}`)
	f.Add(`{"base64":"AA==","name":"é","sha256":"` + strings.Repeat("ab", 32) + `","size":9007199254740991,"text":"x"}`)
	f.Fuzz(func(t *testing.T, data string) {
		r, err := parseFileRecord(data)
		if err != nil {
			return
		}
		if again, err := canonical.Marshal(r); err != nil || string(again) != data {
			t.Errorf("%q is written again as %q (%v)", data, again, err)
		}
	})
}
