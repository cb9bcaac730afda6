package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const testPort = 1000

// line is two machines some latency apart, the second one listening.
func line(t *testing.T, latency time.Duration, b Bandwidth) (n *Network, here, there *Machine, l *backlog) {
	t.Helper()
	n = NewNetwork(Latencies{{latency}}, 1)
	here, there = machine(t, n, b), machine(t, n, b)
	l, err := there.listen(testPort)
	if err != nil {
		t.Fatal(err)
	}
	return n, here, there, l
}

func machine(t *testing.T, n *Network, b Bandwidth) *Machine {
	t.Helper()
	m, err := n.AddMachine(0, b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// connect dials and accepts.
func connect(t *testing.T, from *Machine, l *backlog) (near, far net.Conn) {
	t.Helper()
	near, err := from.dial(t.Context(), l.at)
	if err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near, far
}

func random(size int) []byte {
	b := make([]byte, size)
	rng := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// carry sends bytes from one end to the other, and returns how long it took
// until all were read.
func carry(t *testing.T, from, to net.Conn, sent []byte) time.Duration {
	t.Helper()
	began := time.Now()
	go func() {
		if _, err := from.Write(sent); err != nil {
			t.Error(err)
		}
	}()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(to, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Error("want the bytes that were sent, got others")
	}
	return time.Since(began)
}

func between(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: want %v to %v, got %v", what, low, high, got)
	}
}

var fast = Bandwidth{Up: 1e9, Down: 1e9}

func TestDialTakesARoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, here, _, l := line(t, 50*time.Millisecond, fast)
		began := time.Now()
		connect(t, here, l)
		between(t, "dial", time.Since(began), 100*time.Millisecond, 100*time.Millisecond)
	})
}

func TestBandwidthBoundsThroughput(t *testing.T) {
	for _, b := range []Bandwidth{{Up: 8e6, Down: 80e6}, {Up: 80e6, Down: 8e6}} {
		synctest.Test(t, func(t *testing.T) {
			_, here, _, l := line(t, time.Millisecond, b)
			near, far := connect(t, here, l)
			between(t, "a megabyte at 8 Mbit/s", carry(t, near, far, random(1e6)), 1020*time.Millisecond, 1100*time.Millisecond)
		})
	}
}

func TestSendersShareALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, one, _, l := line(t, time.Millisecond, Bandwidth{Up: 80e6, Down: 8e6})
		two := machine(t, n, Bandwidth{Up: 80e6, Down: 8e6})
		a, fromA := connect(t, one, l)
		b, fromB := connect(t, two, l)
		began := time.Now()
		done := make(chan time.Duration, 1)
		go func() { done <- carry(t, b, fromB, random(5e5)) }()
		carry(t, a, fromA, random(5e5))
		<-done
		between(t, "two half megabytes into 8 Mbit/s", time.Since(began), 1020*time.Millisecond, 1150*time.Millisecond)
	})
}

// 200 kB need windows of 14.6, 29, 58, 117 kB: four trips there, three back.
func TestSlowStartAndItsReturnAfterIdling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 100 * time.Millisecond
		_, here, _, l := line(t, latency, fast)
		near, far := connect(t, here, l)
		cold := carry(t, near, far, random(200_000))
		between(t, "cold", cold, 7*latency, 8*latency)
		time.Sleep(2 * latency) // the last acknowledgements
		between(t, "warm", carry(t, near, far, random(200_000)), latency, 2*latency)
		time.Sleep(time.Minute)
		between(t, "idle for a minute", carry(t, near, far, random(200_000)), cold-latency, cold+latency)
	})
}

func TestLossDelaysAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 20 * time.Millisecond
		n, here, _, l := line(t, latency, fast)
		near, far := connect(t, here, l)
		clean := carry(t, near, far, random(1e6))
		n.SetLoss(0.02)
		if lossy := carry(t, near, far, random(1e6)); lossy < 2*clean {
			t.Errorf("want at least twice the %v of a clean link, got %v", clean, lossy)
		}
	})
}

func TestPartitionHoldsBytesBackUntilItHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, here, _, l := line(t, 10*time.Millisecond, fast)
		near, far := connect(t, here, l)
		n.Split([]*Machine{here})
		if _, err := here.dial(t.Context(), l.at); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("want a refused dial, got %v", err)
		}
		sent := random(1000)
		if _, err := near.Write(sent); err != nil {
			t.Fatal(err)
		}
		_ = far.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("want silence, got %v", err)
		}
		_ = far.SetReadDeadline(time.Time{})
		n.Unite()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("want the bytes after healing, got %v", err)
		}
		carry(t, near, far, random(100_000))
	})
}

func TestWritesBlockInAPartitionUntilTheirDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, here, _, l := line(t, 10*time.Millisecond, fast)
		near, _ := connect(t, here, l)
		n.Split([]*Machine{here})
		began := time.Now()
		_ = near.SetWriteDeadline(began.Add(10 * time.Second))
		if _, err := near.Write(random(1e6)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("want a deadline, got %v", err)
		}
		between(t, "the write", time.Since(began), 10*time.Second, 10*time.Second)
	})
}

func TestCloseIsHeardBehindTheData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, here, _, l := line(t, 50*time.Millisecond, fast)
		near, far := connect(t, here, l)
		sent := random(10_000)
		if _, err := near.Write(sent); err != nil {
			t.Fatal(err)
		}
		if err := near.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(far)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("want all that was sent and then the end, got %d bytes, %v", len(got), err)
		}
		if _, err := near.Write(sent); !errors.Is(err, net.ErrClosed) {
			t.Errorf("want %v, got %v", net.ErrClosed, err)
		}
	})
}

func TestPowerCutIsOnlyHeardOfFromWhoeverRunsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, here, there, l := line(t, 10*time.Millisecond, fast)
		near, _ := connect(t, here, l)
		there.Off()
		if _, err := near.Write(random(10)); err != nil {
			t.Errorf("want the write buffered, got %v", err)
		}
		_ = near.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("want silence, got %v", err)
		}
		if _, err := here.dial(t.Context(), l.at); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("want a dial to time out, got %v", err)
		}
		there.On()
		_ = near.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("want a reset, got %v", err)
		}
		if _, err := here.dial(t.Context(), l.at); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("want a refused dial, got %v", err)
		}
	})
}

func TestCutConnectionsEndAtBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, here, _, l := line(t, 10*time.Millisecond, fast)
		near, far := connect(t, here, l)
		here.CutConnections()
		for _, c := range []net.Conn{near, far} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("want a reset, got %v", err)
			}
		}
		connect(t, here, l)
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, here, _, l := line(t, time.Second, fast)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := here.dial(ctx, l.at); !errors.Is(err, context.Canceled) {
			t.Errorf("want the context's error, got %v", err)
		}
		nowhere := netip.MustParseAddrPort("10.9.9.9:1")
		if _, err := here.dial(t.Context(), nowhere); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("want %v, got %v", syscall.EHOSTUNREACH, err)
		}
	})
}

// What was sent later and arrives earlier does not wait for what comes after.
func TestDownlinkTakesBytesInTheOrderOfArrival(t *testing.T) {
	now := time.Unix(0, 0)
	d := downlink{perSecond: 1e6, epoch: now}
	at := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	for i, row := range []struct{ arrives, bytes, through int }{
		{100, 10_000, 110}, // 10 ms of the link
		{10, 4_000, 14},
		{100, 10_000, 120},
		{200, 0, 200},
		{10, 100_000, 134}, // fills what is free between the others
	} {
		got := d.receive(now, at(row.arrives), row.bytes)
		if off := got.Sub(at(row.through)).Abs(); off > 2*slot {
			t.Errorf("row %d: want %v, got %v", i, at(row.through).Sub(now), got.Sub(now))
		}
	}
	if d.receive(at(1000), at(1001), 1000); len(d.used) > 2 {
		t.Errorf("want past slots forgotten, got %d", len(d.used))
	}
}

func TestMachinesAreRefusedOffTheMap(t *testing.T) {
	n := NewNetwork(OneLAN(), 1)
	for _, row := range []struct {
		region Region
		b      Bandwidth
	}{{1, fast}, {-1, fast}, {0, Bandwidth{}}, {0, Bandwidth{Up: 1}}} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			if _, err := n.AddMachine(row.region, row.b); err == nil {
				t.Error("want an error, got none")
			}
		})
	}
}
