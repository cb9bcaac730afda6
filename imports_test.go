// Package lp2pnode_test watches over the house as a whole: which room may
// import which, and what the rules may import at all. A new arrow is a
// decision; it is made here.
package lp2pnode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lp2pnode/lp2pnode"

// The groups of rooms, lowest first. A room of one row imports of ours at most
// what its row in arrows names; nothing of its own group but what stands there.
var (
	values = []string{"chain/canonical", "chain/merkle"}
	rules  = slices.Concat(values, []string{"chain", "chain/pow"})
	ledger = slices.Concat(rules, []string{"chain/store", "chain/mempool", "chain/ledger"})
	below  = slices.Concat(ledger, []string{"p2p", "bootstrap", "miner"}) // of node
	node   = slices.Concat(below, []string{"node"})
	all    = slices.Concat(node, []string{"node/sim", "api", "api/client", "api/web"})
)

// arrows are the rooms and what each may import of ours; "." is the top.
var arrows = map[string][]string{
	".":               nil,
	"chain/canonical": nil,
	"chain/merkle":    nil,
	"chain":           values,
	"chain/pow":       {"chain", "chain/canonical"},
	"chain/store":     slices.Concat(values, []string{"chain"}),
	"chain/mempool":   {"chain", "chain/canonical"},
	// The engine comes to the ledger inside chain.Rules.
	"chain/ledger": slices.Concat(values, []string{"chain", "chain/store", "chain/mempool"}),
	// These three know the chain and not one another; of a ledger each declares
	// the little interface that it needs.
	"p2p":       {"chain", "chain/canonical"},
	"bootstrap": {"chain"},
	"miner":     {"chain", "chain/pow"},
	"node":      below,
	"node/sim":  node,
	// A client judges receipts, which takes an engine, and nothing else of ours.
	"api/client": {"chain", "chain/pow"},
	// The page is files and how they are sent; the API serves it, and the command
	// line writes its checker as one file.
	"api/web": nil,
	"api":     slices.Concat(node, []string{"api/client", "api/web"}),
	// The doctor looks at what a node would meet, and asks one that runs; it opens
	// no node.
	"node/doctor": slices.Concat(node, []string{"api/client"}),
	// The pages that the program looks things up in.
	"docs": nil,
	// The keys of people: no room of a running node knows them.
	"node/keys":    {"chain"},
	"cmd/lp2pnode": slices.Concat(all, []string{"node/keys", "node/doctor", "docs"}),
	"deploy":       all,
	"deploy/bench": nil, // it runs go test
}

// inRules is what the rules may import from outside: pure things only. No
// network, disk, clock, context, lock, log or chance.
var inRules = map[string][]string{
	"chain/canonical": {
		"bytes", "encoding", "encoding/hex", "errors", "fmt", "strconv", "unicode/utf8",
		"github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext",
	},
	"chain/merkle": {
		"crypto/sha256", "fmt",
		"github.com/transparency-dev/merkle/compact", "github.com/transparency-dev/merkle/proof",
		"github.com/transparency-dev/merkle/rfc6962",
	},
	"chain": {
		"bytes", "cmp", "crypto/sha256", "encoding/binary", "encoding/hex", "errors", "fmt", "maps",
		"math/big", "math/bits", "regexp", "slices", "strings",
		"github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext",
		"github.com/mr-tron/base58", "github.com/oasisprotocol/curve25519-voi/primitives/ed25519",
		"time",        // as a unit only: see onlyNames
		"crypto/rand", // for batches of signatures only: see onlyNames
	},
	"chain/pow": {"bytes", "encoding/binary", "fmt", "math", "math/bits"},
}

// onlyNames are imports of which the rules use no more than these names.
//
//   - time gives the unit of an interval; nobody asks it what time it is.
//   - crypto/rand weighs the signatures of a batch against each other. Were the
//     weights foreseeable, somebody could make bad signatures that cancel out.
//     The verdict does not depend on them but with a chance of 2^-128.
var onlyNames = map[string][]string{
	"time":        {"Duration", "Millisecond"},
	"crypto/rand": {"Reader"},
}

type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
}

// room returns the path of a package below the module, and whether it is ours.
func room(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < len(rules) {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

func TestImportsFollowThePlan(t *testing.T) {
	for _, p := range packages(t) {
		from, _ := room(p.ImportPath)
		allowed, known := arrows[from]
		if !known {
			t.Errorf("%s is not a room of the plan; add it to the table in imports_test.go with what it may import", from)
			continue
		}
		for _, path := range p.Imports {
			if to, ours := room(path); ours && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s, which is not in the plan", from, to)
			}
		}
	}
}

// TestPlanHasNoCircles: from no room do arrows lead back to it.
func TestPlanHasNoCircles(t *testing.T) {
	for start := range arrows {
		reached := map[string]bool{}
		for open := []string{start}; len(open) > 0; open = open[1:] {
			for _, to := range arrows[open[0]] {
				if _, known := arrows[to]; !known {
					t.Errorf("%s may import %s, which is not a room", open[0], to)
				}
				if to == start {
					t.Fatalf("arrows lead from %s over %s back to it", start, open[0])
				}
				if !reached[to] {
					reached[to] = true
					open = append(open, to)
				}
			}
		}
	}
}

func TestRulesImportNothingThatMoves(t *testing.T) {
	for _, p := range packages(t) {
		from, _ := room(p.ImportPath)
		allowed, isRule := inRules[from]
		if !isRule {
			continue
		}
		for _, path := range p.Imports {
			if _, ours := room(path); !ours && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s; the rules are pure: no network, disk, clock, lock, log or chance", from, path)
			}
		}
		for _, name := range p.GoFiles {
			if err := checkFile(filepath.Join(p.Dir, name)); err != nil {
				t.Errorf("%s: %v", from, err)
			}
		}
	}
}

// checkFile fails if a file of the rules starts a goroutine, has an init, or
// uses more of an import than onlyNames says.
func checkFile(path string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone since it was listed
	}
	if err != nil {
		return err
	}
	limited := map[string][]string{}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // parsed
		if names, ok := onlyNames[imported]; ok {
			limited[imported[strings.LastIndex(imported, "/")+1:]] = names
			if spec.Name != nil {
				return fmt.Errorf("%s renames %s", filepath.Base(path), imported)
			}
		}
	}
	var found error
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = fmt.Errorf("%s starts a goroutine", fset.Position(n.Pos()))
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				found = fmt.Errorf("%s has an init", fset.Position(n.Pos()))
			}
		case *ast.SelectorExpr:
			left, _ := n.X.(*ast.Ident)
			if left == nil {
				break
			}
			if names, ok := limited[left.Name]; ok && !slices.Contains(names, n.Sel.Name) {
				found = fmt.Errorf("%s uses %s.%s", fset.Position(n.Pos()), left.Name, n.Sel.Name)
			}
		}
		return found == nil
	})
	return found
}
