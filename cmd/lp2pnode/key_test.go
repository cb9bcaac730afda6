package main

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/lp2pnode/lp2pnode/node/keys"
)

// ring returns what a command that signs sees, with keys made in clear.
func ring(t *testing.T, args []string, names ...string) *keyring {
	t.Helper()
	dir := t.TempDir()
	terminal := &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: []string{"LP2P_DATA_DIR=" + dir}}
	r := &keyring{t: terminal, settings: newSettings(terminal)}
	flags := pflag.NewFlagSet("send", pflag.ContinueOnError)
	r.addSigner(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	store := keys.Open(filepath.Join(dir, "keys"))
	for _, name := range names {
		if _, err := store.New(name, keys.Passphrase{}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestSignerIsNamedOrOnlyOrDefault(t *testing.T) {
	for want, row := range map[string]struct{ args, names []string }{
		"alice":   {nil, []string{"alice"}},
		"default": {nil, []string{"alice", "default", "bob"}},
		"bob":     {[]string{"--key", "bob"}, []string{"alice", "default", "bob"}},
	} {
		r := ring(t, row.args, row.names...)
		key, err := r.unlock(t.Context(), r.key)
		if err != nil {
			t.Fatal(err)
		}
		_, entry, err := r.choose(string(key.Address()))
		if err != nil || entry.Name != want {
			t.Errorf("want %s, got %s, %v", want, entry.Name, err)
		}
	}
	for want, row := range map[string]struct {
		args, names []string
		usage       bool
	}{
		"make one with lp2pnode key new":                             {nil, nil, true},
		"which key? there are alice, bob, and none is named default": {nil, []string{"alice", "bob"}, true},
		"no such key: carol":                                         {[]string{"--key", "carol"}, []string{"alice"}, false},
		`want a key's name`:                                          {[]string{"--key", "../x"}, []string{"alice"}, true},
	} {
		r := ring(t, row.args, row.names...)
		_, err := r.unlock(t.Context(), r.key)
		if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, new(usageError)) != row.usage {
			t.Errorf("want %q, wrong use %v, got %v", want, row.usage, err)
		}
	}
}

func TestPassphraseVariableIsNoStranger(t *testing.T) {
	s := newSettings(&terminal{env: []string{"LP2P_PASSPHRASE=secret", "LP2P_PASSPHRAS=x"}})
	if got := strings.Join(s.strangers(), " "); got != "LP2P_PASSPHRAS" {
		t.Errorf("want LP2P_PASSPHRAS, got %s", got)
	}
}
