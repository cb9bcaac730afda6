package p2p

import (
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
)

// trimmer is libp2p's connection manager, which tells whom it disconnects:
// otherwise that would look as if the peer had left.
type trimmer struct {
	*connmgr.BasicConnMgr
	notifiee *network.NotifyBundle
	trimmed  atomic.Pointer[func(peer.ID)] // may be nil
}

func newTrimmer(m *connmgr.BasicConnMgr) *trimmer {
	t, inner := &trimmer{BasicConnMgr: m}, m.Notifee()
	t.notifiee = &network.NotifyBundle{
		ConnectedF:    func(on network.Network, c network.Conn) { inner.Connected(on, trimmable{c, t}) },
		DisconnectedF: func(on network.Network, c network.Conn) { inner.Disconnected(on, trimmable{c, t}) },
	}
	return t
}

// Notifee implements connmgr.ConnManager.
func (t *trimmer) Notifee() network.Notifiee { return t.notifiee }

// onTrim sets who is told, before the connection is closed.
func (t *trimmer) onTrim(f func(peer.ID)) { t.trimmed.Store(&f) }

// trimmable is a connection as the manager sees it. It is comparable: the
// manager knows its connections by it.
type trimmable struct {
	network.Conn
	by *trimmer
}

// CloseWithError implements network.Conn.
func (c trimmable) CloseWithError(code network.ConnErrorCode) error {
	if tell := c.by.trimmed.Load(); tell != nil && code == network.ConnGarbageCollected {
		(*tell)(c.RemotePeer())
	}
	return c.Conn.CloseWithError(code)
}
