// Command lp2pnode is the node as a program: it reads settings, opens and runs
// a node.Node with its API, asks running nodes through that API, and keeps
// people's keys, with which it signs. It holds no rule of the chain, and of a
// node's data directory it reads only where the API is and its token.
//
// Exit codes: 0 done, 1 failure, 2 wrong use, 130 interrupted.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		cancel(signalled{<-signals})
		moment := time.After(stopMoment)
		<-signals // somebody cannot wait
		<-moment
		os.Exit(exitInterrupted)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// signalled is why the program's context was cancelled.
type signalled struct{ os.Signal }

func (s signalled) Error() string {
	if s.Signal == syscall.SIGTERM {
		return "SIGTERM"
	}
	return "SIGINT"
}

func (signalled) Unwrap() error { return context.Canceled }

// stopMoment is what a clean end gets in any case: timeout(1) and some shells
// signal a process and then its group, which is one wish told twice.
const stopMoment = time.Second

// run does what args say until ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := &terminal{in: stdin, out: stdout, err: stderr, env: os.Environ()}
	root := newRoot(t)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(ctx, stderr, root.ExecuteContext(ctx))
}

// terminal is what the program sees of its surroundings.
type terminal struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	env []string // NAME=value
}
