package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/lp2pnode/lp2pnode/node/keys"
)

// passphraseVariable holds a passphrase where no terminal and no file does.
const passphraseVariable = envPrefix + "PASSPHRASE"

// passphrase returns the passphrase that opens something: of --passphrase-file,
// LP2P_PASSPHRASE or the terminal, the first of them that there is.
func (r *keyring) passphrase(ctx context.Context, of string) (keys.Passphrase, error) {
	p, err := r.silentPassphrase()
	if err != nil || !p.IsZero() {
		return p, err
	}
	tty, ok := r.t.keyboard()
	if !ok {
		return p, usagef("%s wants its passphrase, and no terminal is here to ask on: use --passphrase-file or %s", of, passphraseVariable)
	}
	return r.t.ask(ctx, tty, "Passphrase of "+of+": ")
}

// newPassphrase returns what to encrypt a new key with, asked twice; the zero
// Passphrase if --no-passphrase says so.
func (r *keyring) newPassphrase(ctx context.Context, name string) (keys.Passphrase, error) {
	if r.noPassphrase {
		if r.passphraseFile != "" {
			return keys.Passphrase{}, usagef("--no-passphrase keeps the key in clear, --passphrase-file does not: leave one out")
		}
		return keys.Passphrase{}, nil
	}
	p, err := r.silentPassphrase()
	if err != nil || !p.IsZero() {
		return p, err
	}
	tty, ok := r.t.keyboard()
	if !ok {
		return p, usagef("key %s wants a passphrase, and no terminal is here to ask on: use --passphrase-file, %s or --no-passphrase", name, passphraseVariable)
	}
	if p, err = r.t.ask(ctx, tty, "New passphrase of key "+name+": "); err != nil {
		return keys.Passphrase{}, err
	}
	again, err := r.t.ask(ctx, tty, "Once more: ")
	if err != nil {
		return keys.Passphrase{}, err
	}
	if !p.Equal(again) {
		return keys.Passphrase{}, usagef("the two passphrases differ")
	}
	return p, nil
}

// silentPassphrase returns a passphrase for which nobody is asked, or the zero
// one.
func (r *keyring) silentPassphrase() (keys.Passphrase, error) {
	if r.passphraseFile != "" {
		p, err := keys.ReadPassphrase(r.passphraseFile)
		if err != nil {
			return p, usagef("--passphrase-file: %w", err)
		}
		return p, nil
	}
	value, _ := r.settings.env.lookup(passphraseVariable)
	if value == "" {
		return keys.Passphrase{}, nil
	}
	p, err := keys.NewPassphrase(value)
	if err != nil {
		return p, usagef("%s: %w", passphraseVariable, err)
	}
	return p, nil
}

// keyboard returns the descriptor of a terminal on standard input.
func (t *terminal) keyboard() (int, bool) {
	f, ok := t.in.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// ask asks for a passphrase, which is not shown. When ctx ends it gives up and
// leaves the terminal as it was.
func (t *terminal) ask(ctx context.Context, tty int, question string) (keys.Passphrase, error) {
	before, err := term.GetState(tty)
	if err != nil {
		return keys.Passphrase{}, fmt.Errorf("ask on the terminal: %w", err)
	}
	fmt.Fprint(t.err, question)
	defer fmt.Fprintln(t.err)
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // reading cannot be called off; it ends with the program
		line, err := term.ReadPassword(tty)
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return keys.Passphrase{}, errors.Join(ctx.Err(), term.Restore(tty, before))
	case a := <-answers:
		if a.err != nil && !errors.Is(a.err, io.EOF) {
			return keys.Passphrase{}, fmt.Errorf("ask on the terminal: %w", a.err)
		}
		p, err := keys.NewPassphrase(string(a.line))
		return p, asUsage(err)
	}
}
