package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/node/doctor"
)

func newDoctor(t *terminal, s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look for what keeps a node from working, each with its cause and cure (exit 1: something was found)",
		Long: `doctor looks at this machine, the network round it and the nodes to be joined,
as a node with the same flags, environment and --config file would meet them. It
works beside a running node, which it asks through its API, and without one. It
changes nothing. Exit code: 0 all is well, 1 something was found, 2 wrong use.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, _, err := s.options()
			if err != nil {
				return err
			}
			report, err := doctor.Examine(cmd.Context(), doctor.Config{Node: o.node, API: o.api})
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(t.out, report)
			} else {
				err = printReport(t, report)
			}
			if err == nil && !report.OK {
				err = fmt.Errorf("doctor: %s", count(report.Findings, "finding"))
			}
			return err
		},
	}
	s.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printReport writes a line for each result, and under a finding what it comes
// from and what to do about it.
func printReport(t *terminal, report *doctor.Report) error {
	table := newTable(t.out, "CHECK", "OUTCOME", "FOUND")
	for _, r := range report.Results {
		found := r.Found
		if r.Of != "" {
			found = strings.TrimSuffix(r.Of+": "+found, ": ")
		}
		table.row(r.Check, string(r.Outcome), found)
		for _, step := range r.Steps {
			mark := "yes"
			if !step.OK {
				mark = "no"
			}
			table.row("", "", fmt.Sprintf("  %s: %s, %s", step.Name, mark, step.Found))
		}
		if r.Outcome == doctor.Finding {
			table.row("", "", "  cause: "+r.Cause)
			table.row("", "", "  cure: "+r.Cure)
			table.row("", "", "  id: "+r.ID)
		}
	}
	if report.OK {
		table.row("all well")
	}
	return table.flush()
}
