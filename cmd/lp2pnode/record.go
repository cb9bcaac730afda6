package main

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

func newRecord(t *terminal, s *settings) *cobra.Command {
	sends := newSender(t, s)
	var file string
	var embed bool
	cmd := &cobra.Command{
		Use:   "record TEXT | --file FILE",
		Short: "record a text, or a file's name, size and SHA-256",
		Long: `record puts a text into the chain, or with --file what proves later that a file
was there: {"name":…,"sha256":…,"size":…} as canonical JSON (RFC 8785), and with
--embed its content too, as "text" if it is UTF-8 and else as "base64". Everybody
can read it, and nobody can take it back.` + aboutSending,
		Args: func(cmd *cobra.Command, args []string) error {
			if file != "" {
				return between(0, 0, "--file")(cmd, args)
			}
			return between(1, 1, "TEXT (or --file FILE)")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			data := first(args)
			switch {
			case embed && file == "":
				return usagef("record: --embed is for --file")
			case file != "":
				var err error
				if data, err = recordFile(file, embed); err != nil {
					return usagef("--file: %w", err)
				}
			case data == "":
				return usagef("record: TEXT is empty")
			case !utf8.ValidString(data):
				return usagef("record: want TEXT in UTF-8, got %.60q", data)
			}
			err := sends.send(cmd.Context(), chain.Transaction{Data: data})
			var refused *client.Problem
			if errors.As(err, &refused) && refused.Rule == string(chain.RuleData) && embed {
				return fmt.Errorf("%s does not fit: %w; leave out --embed to record its name, size and SHA-256", file, err)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "`FILE` to record by name, size and SHA-256")
	cmd.Flags().BoolVar(&embed, "embed", false, "record the file's content too")
	sends.addFlags(cmd.Flags())
	return cmd
}
