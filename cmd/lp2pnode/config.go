package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newConfig(t *terminal, s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "print the settings in force, where each comes from and what it means",
		Long: `config prints what lp2pnode would run with, given the same flags, environment
and --config file. Flags prevail over LP2P_* variables, these over the file.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return subcommand(cmd, args)
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			_, inForce, err := s.options()
			if err != nil {
				return err
			}
			if asJSON {
				return s.printJSON(t, inForce)
			}
			return s.print(t, inForce)
		},
	}
	s.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(newConfigCheck(t))
	return cmd
}

func newConfigCheck(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "check a configuration file, naming the line of each mistake",
		Args:  between(1, 1, "FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			alone := newSettings(t)
			alone.config = args[0]
			alone.env = alone.env.without(envPrefix)
			if _, _, err := alone.options(); err != nil {
				return err
			}
			_, err := fmt.Fprintf(t.out, "%s is fine\n", args[0])
			return err
		},
	}
}

func (s *settings) print(t *terminal, inForce map[string]given) error {
	table := newTable(t.out, "SETTING", "VALUE", "SOURCE", "MEANING")
	for _, row := range s.table {
		value := inForce[row.name]
		table.row(row.name, row.show(value.values), value.where, row.help)
	}
	return table.flush()
}

func (s *settings) printJSON(t *terminal, inForce map[string]given) error {
	type line struct {
		Name    string `json:"name"`
		Value   any    `json:"value"`
		Source  string `json:"source"`
		Meaning string `json:"meaning"`
	}
	lines := []line{}
	for _, row := range s.table {
		value := inForce[row.name]
		lines = append(lines, line{row.name, json.RawMessage(row.show(value.values)), value.where, row.help})
	}
	return printJSON(t.out, lines)
}

// show returns values as both TOML and JSON write them.
func (r setting) show(values []string) string {
	if r.kind == boolean || r.kind == number {
		return strings.ToLower(values[0])
	}
	var v any = append([]string{}, splitList(values)...)
	if r.kind == text {
		v = values[0]
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // texts are always JSON
	}
	return strings.TrimSpace(b.String())
}
