package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node/keys"
)

// maxTries bounds how often a nonce is found anew: each time another program
// has sent from the same key in between.
const maxTries = 50

// sender is what the commands share that send transactions. They sign here,
// never in the node.
type sender struct {
	asker
	ring keyring
	fee  string // --fee
}

func newSender(t *terminal, s *settings) *sender {
	return &sender{asker: asker{t: t, settings: s}, ring: keyring{t: t, settings: s}}
}

func (s *sender) addFlags(to *pflag.FlagSet) {
	to.SortFlags = false
	to.StringVar(&s.fee, "fee", "", "`UNITS` for the miner (none: the least that the node takes now)")
	s.asker.addFlags(to)
	to.Var(s.settings.flags["genesis"], "genesis", "genesis file of the chain that the node must be of (none: any)")
	s.addToken(to)
	s.ring.addSigner(to)
}

const aboutSending = `

It is signed here, and the node learns no key. The nonce is found: what still
waits in the pool is counted, so the next may be sent at once.`

func newSend(t *terminal, s *settings) *cobra.Command {
	sends := newSender(t, s)
	var data string
	cmd := &cobra.Command{
		Use:   "send TO AMOUNT",
		Short: "move units to an address, or to one of your keys by its name",
		Long:  "send moves AMOUNT units to an address, or to one of your keys by its name." + aboutSending,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("send: want TO and AMOUNT, got nothing; see lp2pnode send --help")
			}
			return between(2, 2, "AMOUNT (in units)")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := sends.ring.address(args[0])
			if err != nil {
				return fmt.Errorf("TO: %w", err)
			}
			amount, err := parseUnits(args[1])
			if err != nil {
				return usagef("AMOUNT: %w", err)
			}
			if !utf8.ValidString(data) {
				return usagef("--data: want UTF-8, got %.60q", data)
			}
			return sends.send(cmd.Context(), chain.Transaction{To: to, Amount: amount, Data: data})
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "`TEXT` to record with it")
	sends.addFlags(cmd.Flags())
	return cmd
}

// address returns an address as it is, and else that of the key of a name.
func (r *keyring) address(s string) (chain.Address, error) {
	if a, err := chain.ParseAddress(s); err == nil {
		return a, nil
	}
	store, err := r.openKeys()
	if err != nil {
		return "", err
	}
	entry, err := store.Get(s)
	switch {
	case errors.Is(err, keys.ErrName):
		return "", usagef("want an address of 52 characters that begins with 12D3KooW, or a key's name, got %.60q", s)
	case errors.Is(err, keys.ErrNotFound):
		return "", usagef("%.60q is neither an address nor the name of a key in %s", s, store.Dir())
	}
	return entry.Address, err
}

// send completes a transaction, signs it, hands it in and says what became of
// it.
func (s *sender) send(ctx context.Context, t chain.Transaction) error {
	if s.fee != "" {
		fee, err := parseUnits(s.fee)
		if err != nil {
			return usagef("--fee: %w", err)
		}
		t.Fee = fee
	}
	if _, _, err := s.ring.choose(s.ring.key); err != nil { // before a node is asked
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	genesis, err := patiently(ctx, c, s.genesis)
	if err != nil {
		return err
	}
	key, err := s.ring.unlock(ctx, s.ring.key) // somebody may have to type
	if err != nil {
		return err
	}
	tx, err := patiently(ctx, c, func(ctx context.Context, c *client.Client) (*chain.Transaction, error) {
		return s.handIn(ctx, c, func(t chain.Transaction) (*chain.Transaction, error) { return sign(key, genesis, t) }, key.Address(), t)
	})
	if err != nil {
		return poor(t.Amount, key.Address(), err)
	}
	return s.print(tx)
}

// poor says a refusal for want of balance in people's words.
func poor(amount uint64, from chain.Address, err error) error {
	refused := (*client.Problem)(nil)
	if !errors.As(err, &refused) || refused.Rule != string(chain.RuleBalance) {
		return err
	}
	needs := strconv.FormatUint(amount, 10)
	sum, others, _ := strings.Cut(refused.Want, " beside ")
	if !strings.HasSuffix(sum, "+ fee 0") {
		needs = sum
	}
	if others != "" {
		return fmt.Errorf("beside %s, the balance of %s leaves %s, this needs %s", others, from, refused.Got, needs)
	}
	return fmt.Errorf("the balance of %s is %s, this needs %s", from, refused.Got, needs)
}

// patiently asks a node as long as people wait.
func patiently[T any](ctx context.Context, c *client.Client, ask func(context.Context, *client.Client) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	v, err := ask(limited, c)
	return v, tellTimeout(ctx, c, err)
}

// genesis returns what a signature binds a transaction to: the chain of the
// node, which must be that of the genesis file if one was named.
func (s *sender) genesis(ctx context.Context, c *client.Client) (chain.Hash, error) {
	inForce, err := s.settings.resolve()
	if err != nil {
		return chain.Hash{}, err
	}
	status, err := c.Status(ctx)
	if err != nil {
		return chain.Hash{}, err
	}
	file := inForce["genesis"]
	if file.values[0] == "" {
		return status.Genesis, nil
	}
	params, err := readGenesis(file.values[0], nil)
	if err != nil {
		return chain.Hash{}, usagef("%s: %w", file.at("genesis"), err)
	}
	want, err := genesisHash(params)
	if err != nil {
		return chain.Hash{}, err
	}
	if want != status.Genesis {
		return chain.Hash{}, fmt.Errorf("the node at %s is of chain %s, genesis %s; %s is chain %s, genesis %s",
			c.URL(), status.ChainID, status.Genesis, file.values[0], params.ChainID, want)
	}
	return want, nil
}

// handIn finds nonce and fee, signs and hands in. Where the node refuses and
// the next nonce has become another, somebody else was faster: once more.
func (s *sender) handIn(ctx context.Context, c *client.Client, sign signer, from chain.Address, t chain.Transaction) (*chain.Transaction, error) {
	account, err := c.Account(ctx, from)
	for try := 1; err == nil; try++ {
		t.Nonce = account.NextNonce
		tx, err := s.complete(ctx, c, sign, t)
		if err != nil {
			return nil, err
		}
		_, err = c.Submit(ctx, tx)
		if err == nil {
			return tx, nil
		}
		if refused := (*client.Problem)(nil); !errors.As(err, &refused) {
			return nil, fmt.Errorf("%w; whether it has taken the transaction says lp2pnode tx %s", err, tx.ID())
		}
		if account, _ = c.Account(ctx, from); account == nil || account.NextNonce == t.Nonce || try == maxTries {
			return nil, err
		}
	}
	return nil, err
}

// signer signs a transaction for one chain with one key.
type signer func(chain.Transaction) (*chain.Transaction, error)

// complete settles the fee, which depends on the size, which it is part of.
func (s *sender) complete(ctx context.Context, c *client.Client, sign signer, t chain.Transaction) (*chain.Transaction, error) {
	for {
		tx, err := sign(t)
		if err != nil || s.fee != "" {
			return tx, err
		}
		pool, err := c.Pool(ctx, 0, len(tx.Raw()))
		if err != nil {
			return nil, err
		}
		if pool.MinFee <= t.Fee {
			return tx, nil
		}
		t.Fee = pool.MinFee
	}
}

// sign signs t for the chain of a genesis hash; from becomes the key's address.
func sign(k keys.Key, genesis chain.Hash, t chain.Transaction) (*chain.Transaction, error) {
	raw, err := base64.StdEncoding.DecodeString(k.Text())
	if err != nil {
		return nil, errors.New("sign: the key is none") // without its text
	}
	private, err := crypto.UnmarshalPrivateKey(raw)
	if err != nil {
		return nil, errors.New("sign: the key is none")
	}
	t.From = k.Address()
	signature, err := private.Sign(t.SignedBytes(genesis))
	if err != nil || len(signature) != len(t.Signature) {
		return nil, errors.New("sign: the key does not sign")
	}
	t.Signature = chain.Signature(signature)
	return chain.NewTransaction(t), nil
}

// sent is what --json prints of a transaction that the node took.
type sent struct {
	ID          chain.Hash    `json:"id"`
	Transaction client.Signed `json:"transaction"`
}

func (s *sender) print(tx *chain.Transaction) error {
	if s.json {
		return printJSON(s.t.out, sent{tx.ID(), client.Signed{Transaction: tx}})
	}
	table := newTable(s.t.out)
	table.row("transaction", tx.ID().String())
	table.row("from", string(tx.From))
	if tx.To != "" {
		table.row("to", string(tx.To))
		table.row("amount", strconv.FormatUint(tx.Amount, 10))
	}
	table.row("fee", strconv.FormatUint(tx.Fee, 10))
	table.row("nonce", strconv.FormatUint(tx.Nonce, 10))
	if tx.Data != "" {
		table.row("data", beginning(tx.Data, 400))
	}
	if err := table.flush(); err != nil {
		return err
	}
	if s.t.interactive() {
		fmt.Fprintf(s.t.err, "\nIt waits for a block now. To see it confirmed by 6, and for its receipt then:\n\n"+
			"    lp2pnode tx %s --wait 6\n    lp2pnode receipt %[1]s --out FILE\n", tx.ID())
	}
	return nil
}
