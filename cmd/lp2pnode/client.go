package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lp2pnode/lp2pnode/api/client"
)

// askTimeout bounds a command that asks a running node.
const askTimeout = 10 * time.Second

// asker is what the commands share that ask a running node.
type asker struct {
	t        *terminal
	settings *settings
	json     bool
	writes   bool   // what the node may want a token for
	given    string // --token
}

// command completes cmd to one that asks a node.
func (a *asker) command(cmd *cobra.Command, ask func(ctx context.Context, c *client.Client, args []string) error) *cobra.Command {
	a.addFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), askTimeout)
		defer cancel()
		return tellTimeout(cmd.Context(), c, ask(ctx, c, args))
	}
	return cmd
}

// tellTimeout makes the end of our own patience readable.
func tellTimeout(ctx context.Context, c *client.Client, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("the node at %s does not answer within %s", c.URL(), askTimeout)
	}
	return err
}

func (a *asker) addFlags(to *pflag.FlagSet) {
	to.Var(a.settings.flags["api"], "api", "URL or HOST:PORT of the node's API")
	a.settings.addConfigFlag(to)
	to.BoolVar(&a.json, "json", false, "print JSON")
}

// client returns a client of the node that --api, LP2P_API or --config names.
func (a *asker) client() (*client.Client, error) {
	inForce, err := a.settings.resolve()
	if err != nil {
		return nil, err
	}
	value := inForce["api"]
	base, err := apiURL(value.values[0])
	if err != nil {
		return nil, usagef("%s: %w", value.at("api"), err)
	}
	c := client.New(base)
	if a.writes {
		c.Token = a.token(inForce, base)
	}
	return c, nil
}

// printRaw writes the API's answer as it came.
func (a *asker) printRaw(ctx context.Context, c *client.Client, path string, query url.Values) error {
	raw, err := c.Raw(ctx, path, query)
	if err != nil {
		return err
	}
	_, err = a.t.out.Write(append(bytes.TrimSuffix(raw, []byte("\n")), '\n'))
	return err
}

// apiURL returns the URL of an API that is named by URL or by where it listens.
func apiURL(s string) (string, error) {
	if s == "" {
		return "", errors.New("the API is off; name a node's with --api")
	}
	if !strings.Contains(s, "://") {
		if err := setAPI(&options{}, []string{s}); err != nil {
			return "", fmt.Errorf("want a URL or host:port like %s, got %.120q", defaultAPI, s)
		}
		return "http://" + reachable(s), nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("want a URL like http://%s, got %.120q", defaultAPI, s)
	}
	return s, nil
}
