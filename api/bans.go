package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/p2p"
)

const bansPath = adminPath + "bans"

// defaultBan is how long a ban by hand lasts that says nothing of it.
const defaultBan = 24 * time.Hour

// registerBans puts the routes of bans on the mux.
func registerBans(r *routes, in *rooms) {
	admin(r, http.MethodGet, bansPath, "bans", "Bans in force, those that end first before others", jsonOf[[]client.Ban](r), in.bans)
	admin(r, http.MethodPost, bansPath, "ban", "Ban a peer: disconnect it, and have no dealings with it for a time", jsonOf[client.Ban](r), in.ban)
	admin(r, http.MethodDelete, bansPath, "lift", "Lift a ban; the peer's record is clean then", jsonOf[client.Lifted](r), in.lift)
}

// admin registers a route that works on the node itself: always with the token.
func admin[I, O any](r *routes, method, path, id, summary string, responses map[string]*huma.Response, handle func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Responses: responses,
		Security: []map[string][]string{{tokenScheme: {}}},
	}
	if method == http.MethodPost {
		op.Middlewares, op.MaxBodyBytes, op.BodyReadTimeout = huma.Middlewares{r.jsonOnly}, maxOrderBytes, readTimeout
	}
	add(r, op, handle)
}

// maxOrderBytes is the largest body of a route that works on the node.
const maxOrderBytes = 16 << 10

func (n *rooms) bans(context.Context, *struct{}) (*jsonOutput[[]client.Ban], error) {
	list := n.node.Network().Bans()
	bans := make([]client.Ban, len(list))
	for i, b := range list {
		bans[i] = banOf(b)
	}
	return ok(bans), nil
}

func banOf(b p2p.Ban) client.Ban {
	return client.Ban{ID: b.ID.String(), Reason: string(b.Reason), Detail: b.Detail, Since: b.Since, Until: b.Until, Times: b.Times}
}

type banInput struct {
	Body client.BanOrder
}

func (n *rooms) ban(_ context.Context, in *banInput) (*jsonOutput[client.Ban], error) {
	id, err := peerID(in.Body.ID)
	if err != nil {
		return nil, err
	}
	lasts := defaultBan
	if s := in.Body.Seconds; s > 0 {
		lasts = time.Duration(min(s, int64(p2p.MaxBanByHand/time.Second)+1)) * time.Second
	}
	ban, err := n.node.Network().Ban(id, lasts, in.Body.Detail)
	switch {
	case errors.Is(err, p2p.ErrBan):
		return nil, newProblem(http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, p2p.ErrTooManyBans):
		return nil, newProblem(http.StatusConflict, err.Error())
	case err != nil:
		return nil, err
	}
	return ok(banOf(ban)), nil
}

type liftInput struct {
	ID string `query:"id" required:"true" doc:"peer id"`
}

// lift is no error where there is no ban, so that whoever lost the answer may
// ask again.
func (n *rooms) lift(_ context.Context, in *liftInput) (*jsonOutput[client.Lifted], error) {
	id, err := peerID(in.ID)
	if err != nil {
		return nil, err
	}
	lifted, err := n.node.Network().Lift(id)
	if err != nil {
		return nil, err
	}
	return ok(client.Lifted{ID: id.String(), Lifted: lifted}), nil
}

func peerID(text string) (peer.ID, error) {
	id, err := peer.Decode(text)
	if err != nil {
		return "", newProblem(http.StatusUnprocessableEntity, fmt.Sprintf("want a peer id like 12D3KooW…, got %.100q", text))
	}
	return id, nil
}
