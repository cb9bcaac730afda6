package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// patient is a stream on which no read and no write may be silent for longer
// than silence.
type patient struct {
	network.Stream
	silence time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.silence)); err != nil {
		return 0, err
	}
	return p.Stream.Read(b)
}

func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.silence)); err != nil {
		return 0, err
	}
	return p.Stream.Write(b)
}

var errLongLine = errors.New("line too long")

// readLine returns the next line, without its newline, in memory of its own.
// It fails with io.EOF only between lines, and reads at most limit bytes and
// one buffer.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > limit+1 {
			return nil, fmt.Errorf("%w: more than %d bytes", errLongLine, limit)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// streams are the inbound streams being handled: libp2p runs the handlers, and
// they end when we end.
type streams struct {
	mu     sync.Mutex
	open   map[network.Stream]struct{} // guarded by mu
	closed bool                        // guarded by mu
	done   sync.WaitGroup
}

func (s *streams) enter(st network.Stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.open == nil {
		s.open = map[network.Stream]struct{}{}
	}
	s.open[st] = struct{}{}
	s.done.Add(1)
	return true
}

func (s *streams) leave(st network.Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, st)
	s.done.Done()
}

// close resets all streams and waits for their handlers.
func (s *streams) close() {
	s.mu.Lock()
	s.closed = true
	for st := range s.open {
		_ = st.Reset()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// handler wraps what serves one protocol: a failure, a panic too, ends the
// stream and not the node.
func (n *Network) handler(serve func(patient) error) network.StreamHandler {
	return func(st network.Stream) {
		if !n.streams.enter(st) {
			_ = st.Reset()
			return
		}
		defer n.streams.leave(st)
		// However patient the peer's silences, one stream is not for ever.
		limit := time.AfterFunc(n.timing.serve, func() { _ = st.Reset() })
		defer limit.Stop()
		err := n.safely(func() error { return serve(patient{st, n.timing.silence}) })
		if err != nil {
			n.log.Debug("stream ended", "protocol", st.Protocol(), "peer", st.Conn().RemotePeer(), "error", err)
			_ = st.Reset()
			return
		}
		_ = st.Close()
	}
}

// errPanic is what safely makes of a panic: a fault of ours.
var errPanic = errors.New("panic")

// safely turns a panic into an error, and a log line with its stack when it is
// a new one: whoever can bring it about could else fill the log.
func (n *Network) safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
			log := n.log.Debug
			if n.newPanic(fmt.Sprint(p)) {
				log = n.log.Error
			}
			log("panic while serving a peer", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return f()
}

// maxPanics is how many different panics are told.
const maxPanics = 16

func (n *Network) newPanic(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.panics[text] || len(n.panics) >= maxPanics {
		return false
	}
	n.panics[text] = true
	return true
}

// converse opens a stream, hands it to talk, and closes it; the stream is
// reset when ctx ends or talk fails.
func (n *Network) converse(ctx context.Context, id peer.ID, proto protocol.ID, talk func(patient) error) error {
	st, err := n.host.NewStream(network.WithNoDial(ctx, string(proto)), id, proto)
	if err != nil {
		return fmt.Errorf("open %s: %w", proto, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() })
	defer stop()
	err = n.safely(func() error { return talk(patient{st, n.timing.silence}) })
	if err != nil {
		_ = st.Reset()
		return errors.Join(ctx.Err(), err)
	}
	return st.Close()
}
