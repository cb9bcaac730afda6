package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lp2pnode/lp2pnode/api/web"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// verifier is the verify command.
type verifier struct {
	asker
	trust string // --trust
	html  bool   // --html
	file  string // --file
}

func newVerify(t *terminal, s *settings) *cobra.Command {
	v := &verifier{asker: asker{t: t, settings: s}}
	cmd := &cobra.Command{
		Use:   "verify RECEIPT",
		Short: "check a receipt (a file; -: standard input), saying what is proved and what trusted",
		Long: `verify checks that a transaction stands in a chain, from its receipt and one
block hash that you trust: that of the receipt's tip. With --trust it needs no
node, no network and no data directory; with --api it takes a node's word for
the tip, and nothing else.

With --html it prints a web page that does the same in any browser, from disk and
with the network off, for people who have no lp2pnode:

    lp2pnode verify --html > verify.html`,
		Args: func(cmd *cobra.Command, args []string) error {
			if v.html {
				return between(0, 0, "--html")(cmd, args)
			}
			return between(1, 1, "RECEIPT (a file, - for standard input)")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.html {
				return v.printChecker(cmd)
			}
			return v.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&v.trust, "trust", "", "`HASH` of the block to which the receipt leads, from somebody you trust")
	v.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&v.file, "file", "", "`FILE` to compare with what the transaction records")
	cmd.Flags().BoolVar(&v.html, "html", false, "print a web page that checks receipts offline")
	return cmd
}

// printChecker prints the page of --html, which takes no other flag.
func (v *verifier) printChecker(cmd *cobra.Command) error {
	var other string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "html" && cmd.LocalNonPersistentFlags().Lookup(f.Name) != nil {
			other = f.Name
		}
	})
	if other != "" {
		return usagef("verify: --html prints a page and checks nothing itself: leave out --%s", other)
	}
	page, err := web.Checker()
	if err != nil {
		return err
	}
	_, err = v.t.out.Write(page)
	return err
}

func (v *verifier) run(ctx context.Context, path string) error {
	vouch, err := v.voucher()
	if err != nil {
		return err
	}
	raw, err := readReceipt(path, v.t.in)
	if err != nil {
		return asUsage(err)
	}
	r, err := chain.DecodeReceipt(raw, pow.Engine{})
	if err != nil {
		return fmt.Errorf("%s does not hold: %s", path, brokenStep(err))
	}
	found := verdictOf(r, len(raw))
	word, err := vouch(ctx, r.Tip.Cursor())
	if errors.As(err, new(untrusted)) {
		return fmt.Errorf("%s is sound, but %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("whether %s holds is not known: %w", path, err)
	}
	found.trust(word)
	if v.file != "" {
		record, err := checkFile(v.file, r.Transaction.Data)
		if err != nil {
			return err
		}
		found.addFile(v.file, record)
	}
	if v.json {
		return printJSON(v.t.out, found)
	}
	return found.print(v.t.out)
}

// untrusted says that the block to which a receipt leads is not the trusted
// one, which is nothing against the receipt.
type untrusted struct{ why string }

func (e untrusted) Error() string { return e.why }

// voucher says in words on whose authority a tip is trusted.
type voucher func(context.Context, chain.Cursor) (string, error)

// voucher takes --trust, or else a node that was named somewhere: whom to trust
// is for people to say.
func (v *verifier) voucher() (voucher, error) {
	if v.trust == "" {
		return v.nodesWord()
	}
	if v.settings.flags["api"].given().origin == fromFlag {
		return nil, usagef("verify: --trust needs no node, --api asks one: leave one out")
	}
	trusted, err := chain.ParseHash(strings.ToLower(v.trust))
	if err != nil {
		return nil, usagef("--trust: %w", err)
	}
	return func(_ context.Context, tip chain.Cursor) (string, error) {
		if tip.Hash != trusted {
			return "", untrusted{fmt.Sprintf("leads to block %d, %s; the hash trusted is another block's: compare block %[1]d's hash, or ask for a new receipt (lp2pnode receipt ID) and trust the hash of its tip", tip.Height, tip.Hash)}
		}
		return fmt.Sprintf("block %d is %s: the hash given", tip.Height, tip.Hash), nil
	}, nil
}

// nodesWord is the voucher of --api, LP2P_API or --config.
func (v *verifier) nodesWord() (voucher, error) {
	inForce, err := v.settings.resolve()
	if err != nil {
		return nil, err
	}
	if api := inForce["api"]; api.origin == fromDefault || api.values[0] == "" {
		return nil, usagef("verify: say whom to trust: --trust HASH, or --api URL of a node")
	}
	c, err := v.client()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tip chain.Cursor) (string, error) {
		limited, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		headers, err := c.Headers(limited, tip.Height, 1)
		switch {
		case err != nil:
			return "", tellTimeout(ctx, c, err)
		case len(headers) == 0:
			return "", fmt.Errorf("it leads to block %d, which %s does not have yet", tip.Height, c.URL())
		case headers[0].Hash != tip.Hash:
			return "", untrusted{fmt.Sprintf("leads to block %d, %s; %s has %s there: its chain is another, or has left that block", tip.Height, tip.Hash, c.URL(), headers[0].Hash)}
		}
		return fmt.Sprintf("block %d is %s: the word of %s, on whose best chain it is now", tip.Height, tip.Hash, c.URL()), nil
	}, nil
}

// readReceipt reads a receipt's bytes. The newline that editors and shells put
// at the end of a file is not one of them.
func readReceipt(path string, stdin io.Reader) (raw []byte, err error) {
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(stdin, chain.MaxReceiptBytes+2))
	} else {
		raw, err = readBounded(path, chain.MaxReceiptBytes+1)
	}
	return bytes.TrimSuffix(raw, []byte("\n")), err
}

// brokenStep says of an error of DecodeReceipt which step of verification does
// not hold, and why.
func brokenStep(err error) string {
	var broken *chain.RuleError
	if !errors.As(err, &broken) {
		return "receipt: " + err.Error()
	}
	step := "form"
	switch broken.Rule {
	case chain.RuleHash:
		step = "hashes"
	case chain.RuleWork:
		step = "work"
	case chain.RuleProof:
		step = "proof"
	case chain.RuleForm:
	default:
		return step + ": " + err.Error() // the rule says more than the step
	}
	return step + ": " + strings.Replace(err.Error(), fmt.Sprintf("rule %s: ", broken.Rule), "", 1)
}
