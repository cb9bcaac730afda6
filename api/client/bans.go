package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// bansPath is where bans are; it always takes the token.
const bansPath = "/v1/admin/bans"

// Ban says why and how long a node has no dealings with a peer.
type Ban struct {
	ID     string    `json:"id" doc:"peer id"`
	Reason string    `json:"reason" doc:"what it did last, or: by hand"`
	Detail string    `json:"detail,omitempty" doc:"more of the reason, for people"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Times  int       `json:"times" minimum:"0" doc:"bans in a row that the node itself decided on; 0 by hand"`
}

// BanOrder is the body of POST /v1/admin/bans.
type BanOrder struct {
	ID      string `json:"id" maxLength:"128" doc:"peer id"`
	Seconds int64  `json:"seconds,omitempty" minimum:"1" doc:"how long; a day if absent"`
	Detail  string `json:"detail,omitempty" maxLength:"300" doc:"why, for people"`
}

// Lifted is the answer of DELETE /v1/admin/bans.
type Lifted struct {
	ID     string `json:"id" doc:"peer id"`
	Lifted bool   `json:"lifted" doc:"there was a ban in force"`
}

// Bans returns the bans in force, those that end first before others. It takes
// the node's token.
func (c *Client) Bans(ctx context.Context) ([]Ban, error) {
	return get[[]Ban](ctx, c, bansPath, nil)
}

// Ban makes the node have no dealings with a peer for a time of whole seconds;
// 0 is a day. A ban that there is already is replaced. It takes the node's token.
func (c *Client) Ban(ctx context.Context, id string, lasts time.Duration, detail string) (*Ban, error) {
	body, err := json.Marshal(BanOrder{ID: id, Seconds: int64(lasts / time.Second), Detail: detail})
	if err != nil {
		return nil, fmt.Errorf("ban %s: %w", id, err)
	}
	return post[*Ban](ctx, c, bansPath, body)
}

// Lift ends a ban and says whether there was one. It takes the node's token.
func (c *Client) Lift(ctx context.Context, id string) (bool, error) {
	raw, err := c.fetch(ctx, http.MethodDelete, bansPath, url.Values{"id": {id}}, nil)
	if err != nil {
		return false, err
	}
	var answer Lifted
	err = c.parse(bansPath, raw, &answer)
	return answer.Lifted, err
}
