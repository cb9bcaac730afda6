package bootstrap

import (
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
)

// TestEntryWithoutIDFindsWhoAnswersOnEveryTransport: each hides the peer id that
// answers in an error of its own.
func TestEntryWithoutIDFindsWhoAnswersOnEveryTransport(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		listen   string
		security libp2p.Option
	}{
		{"/ip4/127.0.0.1/tcp/0", libp2p.Security(noise.ID, noise.New)},
		{"/ip4/127.0.0.1/tcp/0", libp2p.Security(libp2ptls.ID, libp2ptls.New)},
		{"/ip4/127.0.0.1/tcp/0/ws", libp2p.DefaultSecurity},
		{"/ip4/127.0.0.1/udp/0/quic-v1", libp2p.DefaultSecurity},
	} {
		b, err := libp2p.New(row.security, libp2p.DisableMetrics(), libp2p.DisableRelay(), libp2p.ListenAddrStrings(row.listen))
		if err != nil {
			t.Fatal(err)
		}
		a := newHost(t, newKey(t), "0")
		f := start(t, a, Config{Entries: entries(t, b.Network().ListenAddresses()[0].String())})
		await(t, row.listen, connected(a, b))
		f.stop()
		_ = b.Close()
	}
}
