package main

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lp2pnode/lp2pnode/chain/store"
)

// tokenVariable holds the token for writing through a node's API.
const tokenVariable = envPrefix + "TOKEN"

// maxTokenBytes bounds the files that are read for a token.
const maxTokenBytes = 4096

// addToken is for commands that write through the API.
func (a *asker) addToken(to *pflag.FlagSet) {
	a.writes = true
	to.StringVar(&a.given, "token", "", "`TOKEN` of a node elsewhere, from its api.token (better in "+tokenVariable+": others see arguments)")
}

// token returns what --token or LP2P_TOKEN say, or else the token of the data
// directory if the node at base is the one that works in it: nobody else is to
// learn that.
func (a *asker) token(inForce map[string]given, base string) string {
	if a.given != "" {
		return a.given
	}
	if value, _ := a.settings.env.lookup(tokenVariable); value != "" {
		return value
	}
	o := &options{}
	if err := setDataDir(a.settings.env)(o, inForce["data-dir"].values); err != nil || o.node.DataDir == "" {
		return ""
	}
	raw, err := readBounded(filepath.Join(o.node.DataDir, "node.json"), maxTokenBytes)
	if err != nil {
		return ""
	}
	var holder store.Holder
	if json.Unmarshal(raw, &holder) != nil || sameAPI(base) != sameAPI(holder.API) {
		return ""
	}
	secret, err := readBounded(filepath.Join(o.node.DataDir, "api.token"), maxTokenBytes)
	if err != nil {
		return "" // the node may do without, or says what it wants
	}
	return strings.TrimSpace(string(secret))
}

// sameAPI makes one text of the ways to write one address of this machine.
func sameAPI(base string) string {
	return strings.Replace(strings.TrimRight(base, "/"), "//localhost:", "//127.0.0.1:", 1)
}
